/**
 * Between the client's words and the debug server's: launch arguments, stack frames, error texts.
 *
 * Must not know: VS Code, sessions, sockets.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { BridgeError } from '../bridge/errors';
import type { Response } from './dap';
import type { LaunchArguments } from './debuggee';

/** @throws BridgeError `launch-invalid` that says what is wrong with the launch configuration. */
export function checkLaunch(value: unknown): LaunchArguments {
  const launch = (value ?? {}) as Partial<LaunchArguments>;
  if (typeof launch.program !== 'string' || launch.program === '') {
    throw new BridgeError('the launch configuration names no "program"', {
      code: 'launch-invalid',
      hint: 'Give "program" the path of a Conductor script.',
    });
  }
  if (
    launch.args !== undefined &&
    !(Array.isArray(launch.args) && launch.args.every((arg) => typeof arg === 'string'))
  ) {
    throw new BridgeError('"args" of the launch configuration is no list of strings', {
      code: 'launch-invalid',
      hint: 'Write each argument as a string of its own: "args": ["--fast", "3"].',
    });
  }
  return launch as LaunchArguments;
}

/** The launch as pydevd takes it. The child exists already, so only the options count. */
export function serverLaunch(
  launch: LaunchArguments,
  internalPaths: readonly string[],
): Record<string, unknown> {
  return {
    justMyCode: launch.justMyCode !== false,
    stopOnEntry: launch.stopOnEntry === true,
    // Output arrives as frames of the bridge, in order with everything else; a second copy would double it.
    redirectOutput: false,
    showReturnValue: true,
    clientOS: process.platform === 'win32' ? 'WINDOWS' : 'UNIX',
    rules: launch.justMyCode === false ? [] : internalPaths.map((path) => ({ path, include: false })),
  };
}

/** The frames of the runner under the script tell nobody anything. */
export function hideInternalFrames(response: Response, internalPaths: readonly string[]): void {
  const body = response.body as DebugProtocol.StackTraceResponse['body'];
  const internal = (path: string | undefined): boolean =>
    path !== undefined && internalPaths.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
  const kept = body.stackFrames.filter((frame) => !internal(frame.source?.path));
  // The client pages by this number: without the correction it would ask for frames that never come.
  if (body.totalFrames !== undefined) body.totalFrames -= body.stackFrames.length - kept.length;
  body.stackFrames = kept;
}

/** What a client is told of a request that failed. It shows nothing but the message, which has the hint, too. */
export function refusal(error: unknown, showUser: boolean): { message: string; body: unknown } {
  const message = errorText(error);
  const variables = { code: error instanceof BridgeError ? error.code : 'bridge' };
  return { message, body: { error: { id: 1, format: escapeFormat(message), variables, showUser } } };
}

function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { hint, notes = [] } = error as Partial<BridgeError>;
  return [error.message, hint, ...notes].filter((part) => part).join('\n');
}

/** In a DAP message format braces are placeholders. */
function escapeFormat(text: string): string {
  return text.replace(/[{}]/g, (brace) => (brace === '{' ? '(' : ')'));
}
