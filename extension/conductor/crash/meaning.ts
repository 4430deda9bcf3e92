/**
 * Purpose: signals and exit codes in words.
 * Threads: any.
 * Must not know: who tells them.
 */
import type { ChildExit } from '../childProcess';

/** What happened, as a sentence without a full stop, and what it means; null when nothing is known of it. */
export interface Said {
  what: string;
  meaning: string | null;
}

/** The end of a child that nobody asked for. */
export function sayExit({ signal, exitCode }: Pick<ChildExit, 'signal' | 'exitCode'>): Said {
  if (signal) return { what: `Python's process crashed with ${signal}`, meaning: SIGNALS[signal] ?? null };
  const what = `Python's process ended by itself with exit code ${exitCode}`;
  return { what, meaning: exitCode === null ? null : sayCode(exitCode) };
}

/** No signal: something in the process asked for its end, past everything that would have answered first. */
function sayCode(exitCode: number): string {
  if (exitCode === 0) return 'something in it called os._exit(0), or C’s exit(0)';
  if (exitCode > 128 && exitCode <= 128 + 64)
    return `the code that shells use for signal ${exitCode - 128}; something in it called os._exit or C’s exit`;
  return `something in it called os._exit(${exitCode}), or C’s exit(${exitCode})`;
}

const SIGNALS: Partial<Record<string, string>> = {
  SIGSEGV: 'it used memory that is not its own',
  SIGABRT: 'it gave itself up',
  SIGBUS: 'it used memory that is not there',
  SIGILL: 'it ran an instruction this processor does not have',
  SIGFPE: 'an arithmetic fault in native code',
  SIGKILL: 'killed from outside, perhaps because memory ran out',
  SIGTERM: 'somebody asked it to end',
};
