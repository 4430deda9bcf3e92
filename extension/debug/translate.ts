/**
 * Between the client's words and the debug server's: launch arguments, stack frames, error texts.
 *
 * Must not know: VS Code, sessions, sockets.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { BridgeError } from '../bridge/errors';
import type { Response } from './dap';
import type { LaunchArguments } from './debuggee';

/** @throws Error that says what is wrong with the launch configuration. */
export function checkLaunch(value: unknown): LaunchArguments {
  const launch = (value ?? {}) as Partial<LaunchArguments>;
  if (typeof launch.program !== 'string' || launch.program === '') {
    throw new Error('the launch configuration names no "program": give the path of a Conductor script');
  }
  if (
    launch.args !== undefined &&
    !(Array.isArray(launch.args) && launch.args.every((arg) => typeof arg === 'string'))
  ) {
    throw new Error('"args" of the launch configuration must be a list of strings');
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

/** The message with its hint, where it has one; a client shows nothing else. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { hint, notes = [] } = error as Partial<BridgeError>;
  return [error.message, hint, ...notes].filter((part) => part).join('\n');
}

/** In a DAP message format braces are placeholders. */
export function escapeFormat(text: string): string {
  return text.replace(/[{}]/g, (brace) => (brace === '{' ? '(' : ')'));
}
