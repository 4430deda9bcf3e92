/**
 * Purpose: words and frames for a child process that ended by itself.
 * Threads: any.
 * Must not know: how the process was run.
 */
import { BridgeError } from '../bridge/errors';
import type { JoinedFrame } from '../bridge/stack';
import type { ChildExit } from './childProcess';
import { pythonStacks } from './faultStacks';

const NOTE_LINES = 20;

/** The error every call in flight gets when the child crashes. */
export function crashError(exit: ChildExit): BridgeError {
  const what = exit.signal
    ? `Python's process crashed with ${exit.signal}`
    : `Python's process ended by itself with exit code ${exit.exitCode}`;
  const meaning = exit.signal ? MEANINGS[exit.signal] : undefined;
  return new BridgeError(`${what}${meaning ? ` (${meaning})` : ''}`, {
    code: 'crashed',
    hint: 'Run it again: the next call starts a fresh process. The stack below, if any, shows what Python was doing.',
    frames: framesOfFault(exit.stderrTail),
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

/** The frames that Python's faulthandler printed for the thread that crashed, in call order. */
export function framesOfFault(stderr: string): JoinedFrame[] {
  const start = stderr.lastIndexOf('Fatal Python error:');
  if (start < 0) return [];
  const crashed = pythonStacks(stderr.slice(start)).find(({ current }) => current);
  return [...(crashed?.frames ?? [])];
}

function lastLines(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-NOTE_LINES);
}

const MEANINGS: Partial<Record<string, string>> = {
  SIGSEGV: 'it used memory that is not its own',
  SIGABRT: 'it gave itself up',
  SIGBUS: 'it used memory that is not there',
  SIGILL: 'it ran an instruction this processor does not have',
  SIGFPE: 'an arithmetic fault in native code',
  SIGKILL: 'killed from outside, perhaps because memory ran out',
  SIGTERM: 'somebody asked it to end',
};
