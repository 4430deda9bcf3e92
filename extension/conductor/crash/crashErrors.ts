/**
 * Purpose: the errors of a child process that ended by itself.
 * Threads: any.
 * Must not know: how the process was run, where crashes are kept.
 */
import { BridgeError } from '../../bridge/errors';
import type { ChildExit } from '../childProcess';
import { faultStacks } from './faultStacks';
import { sayExit } from './meaning';

const NOTE_LINES = 20;

/** The error every call in flight gets when the child crashes. */
export function crashError(exit: ChildExit): BridgeError {
  const { what, meaning } = sayExit(exit);
  return new BridgeError(`${what}${meaning ? ` (${meaning})` : ''}`, {
    code: 'crashed',
    hint: 'Run it again: the next call starts a fresh process. The stack below, if any, shows what Python was doing.',
    frames: faultStacks(exit.stderrTail).find(({ faulting }) => faulting)?.frames ?? [],
    notes: lastLines(exit.stderrTail),
    details: { exitCode: exit.exitCode, signal: exit.signal, stderrTail: exit.stderrTail },
  });
}

/** The error every call in flight gets when the child does not listen any more. */
export function deafError(): BridgeError {
  return new BridgeError("Python's process did not listen any more, so it was ended", {
    code: 'crashed',
    hint: 'It was stopped, or native code kept the GIL. Run it again: the next call starts a fresh process.',
  });
}

/** The error of a child that never became ready. */
export function startError(executable: string, exit: ChildExit): BridgeError {
  const how = exit.signal
    ? `was ended by ${exit.signal}`
    : exit.exitCode === null
      ? 'could not be run'
      : `ended with exit code ${exit.exitCode}`;
  return new BridgeError(`Python's process ${how} before it was ready`, {
    code: 'start-failed',
    hint: `See the notes for what ${executable} said; choose another interpreter if it is broken.`,
    notes: lastLines(exit.stderrTail),
    details: { exitCode: exit.exitCode, signal: exit.signal, stderrTail: exit.stderrTail },
  });
}

function lastLines(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-NOTE_LINES);
}
