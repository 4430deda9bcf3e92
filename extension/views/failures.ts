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
  private isTellingOfLoop = false;

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
    if (codeOf(error) === 'crash-loop') return this.tellOfLoop(`${what}: ${summary(error)}`);
    const buttons = first === undefined ? this.buttonsFor(error) : [first, ...this.buttonsFor(error)];
    ask(`${what}: ${summary(error)}`, buttons).catch(() => undefined);
  }

  /** A crash that no call has told of. @param wayBack it keeps a Python from the embedded host. */
  showCrash(text: string, wayBack = false): void {
    this.log.warn(text);
    ask(text, wayBack ? [CRASH_REPORT, WAY_BACK] : [CRASH_REPORT]).catch(() => undefined);
  }

  /** The crash after which Python is not started again by itself. */
  showGivenUp(what: string, error: unknown): void {
    this.log.error(what, error);
    const message = summary(error).split('. ', 1)[0];
    this.tellOfLoop(`${what}: ${message}. It keeps crashing, so it is not started again by itself.`);
  }

  /** Python was started again, or another one was: if that keeps crashing too, it is told anew. */
  forgetLoop(): void {
    this.isTellingOfLoop = false;
  }

  /** Once: everything that is called while Python is not started fails for this one reason. */
  private tellOfLoop(text: string): void {
    if (this.isTellingOfLoop) return;
    this.isTellingOfLoop = true;
    const restart = command('Restart Conductor', COMMANDS.restartConductor);
    const isOver = (): void => {
      this.isTellingOfLoop = false;
    };
    ask(text, [restart, CRASH_REPORT, OUTPUT]).then(isOver, isOver);
  }

  /** A script that ended with `sys.exit(code)`: its own decision, so a warning. */
  showExitCode(name: string, exitCode: number): void {
    this.log.warn(`${name} ended with exit code ${exitCode}`);
    const button = OUTPUT;
    vscode.window
      .showWarningMessage(`${name} ended with exit code ${exitCode}. Its output says why.`, button.title)
      .then(
        (title) => (title === button.title ? button.press() : undefined),
        () => undefined,
      );
  }

  private buttonsFor(error: unknown): Button[] {
    const code = codeOf(error);
    if (OF_THE_INTERPRETER.has(code))
      return [command('Select Interpreter', COMMANDS.selectInterpreter), OUTPUT];
    // Nothing of the script's own is at fault, so there is no line to go to.
    if (code === 'abandoned') return [OUTPUT];
    const place = error instanceof BridgeError ? raisedAt(error.frames) : undefined;
    const goTo: Button[] =
      place === undefined
        ? []
        : [{ title: 'Go to Line', press: () => this.openSource(place.file, place.line) }];
    const trace = code === 'crashed' ? CRASH_REPORT : command('Open Trace', COMMANDS.openTrace);
    return [...goTo, trace, OUTPUT];
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

const OUTPUT = command('Show Output', COMMANDS.showOutput);
const WAY_BACK = command('Try Embedded Again', COMMANDS.tryEmbeddedAgain);
const CRASH_REPORT = command('Show Crash Report', COMMANDS.showCrashReport);

function codeOf(error: unknown): string {
  return error instanceof BridgeError ? error.code : '';
}

/** Resolves when a button was pressed, and has done its work, or the message is gone. */
async function ask(text: string, buttons: readonly Button[]): Promise<void> {
  const title = await vscode.window.showErrorMessage(text, ...buttons.map((button) => button.title));
  await buttons.find((button) => button.title === title)?.press();
}
