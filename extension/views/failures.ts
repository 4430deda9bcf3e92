/**
 * Tells a person what went wrong, once: what, what to do next, and buttons for it. The whole stack goes to the
 * output.
 *
 * Threads: extension host main thread. Must not know: how the failure came about.
 */
import * as vscode from 'vscode';
import { BridgeError, type JoinedFrame } from '../bridge/errors';
import { COMMANDS, type CommandId } from '../ids';
import type { Log } from '../log';

/** Something that a person can do about it. */
export interface Button {
  readonly title: string;
  press(): Thenable<unknown> | undefined;
}

/** Failures of the interpreter or of how it is hosted: another one is the remedy, and a trace would show nothing. */
const OF_THE_INTERPRETER: ReadonlySet<string> = new Set([
  'interpreter-invalid',
  'embedding-unavailable',
  'embedding-failed',
  'embedding-fixed',
  'start-failed',
]);

export class Failures {
  constructor(
    private readonly log: Log,
    private readonly openSource: (file: string, line: number) => Promise<void>,
  ) {}

  /**
   * Returns before a button is pressed.
   * @param what what was tried, for instance `tour.conductor.py failed`.
   * @param first a remedy that fits better than the usual ones.
   */
  show(what: string, error: unknown, first?: Button): void {
    this.log.error(what, error);
    const buttons = first === undefined ? this.buttonsFor(error) : [first, ...this.buttonsFor(error)];
    const text = `${what}: ${summary(error)}`;
    vscode.window.showErrorMessage(text, ...buttons.map(({ title }) => title)).then(
      (title) => buttons.find((button) => button.title === title)?.press(),
      () => undefined,
    );
  }

  /** A script that ended with `sys.exit(code)`: its own decision, so a warning. */
  showExitCode(name: string, exitCode: number): void {
    this.log.warn(`${name} ended with exit code ${exitCode}`);
    const button = command('Show Output', COMMANDS.showOutput);
    vscode.window
      .showWarningMessage(`${name} ended with exit code ${exitCode}. Its output says why.`, button.title)
      .then(
        (title) => (title === button.title ? button.press() : undefined),
        () => undefined,
      );
  }

  private buttonsFor(error: unknown): Button[] {
    const code = error instanceof BridgeError ? error.code : '';
    const output = command('Show Output', COMMANDS.showOutput);
    if (OF_THE_INTERPRETER.has(code))
      return [command('Select Interpreter', COMMANDS.selectInterpreter), output];
    if (code === 'crash-loop') return [command('Restart Conductor', COMMANDS.restartConductor), output];
    // Nothing of the script's own is at fault, so there is no line to go to.
    if (code === 'abandoned') return [output];
    const place = error instanceof BridgeError ? raisedAt(error.frames) : undefined;
    const goTo: Button[] =
      place === undefined
        ? []
        : [{ title: 'Go to Line', press: () => this.openSource(place.file, place.line) }];
    return [...goTo, command('Open Trace', COMMANDS.openTrace), output];
  }
}

/** The message and the hint in one or two sentences. */
export function summary(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const type = error instanceof BridgeError && error.type !== error.name ? `${shortType(error.type)}: ` : '';
  const message = `${type}${error.message}`.split('\n', 1)[0];
  const hint = error instanceof BridgeError ? error.tellingHint : null;
  if (hint === null) return message;
  return /[.!?]$/.test(message) ? `${message} ${hint}` : `${message}. ${hint}`;
}

/** `builtins.ValueError` reads `ValueError`. */
function shortType(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

/** The innermost Python line that is not the bridge's own. */
function raisedAt(frames: readonly JoinedFrame[]): JoinedFrame | undefined {
  return frames.findLast(
    ({ language, file }) =>
      language === 'python' && !file.includes('symphony_bridge') && !file.startsWith('<'),
  );
}

function command(title: string, id: CommandId): Button {
  return { title, press: () => vscode.commands.executeCommand(id) };
}
