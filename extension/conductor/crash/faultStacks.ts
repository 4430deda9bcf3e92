/**
 * Purpose: the stacks of Python's threads that faulthandler prints at a fatal signal.
 * Threads: any.
 * Must not know: where the text comes from.
 */
import type { CrashStack } from '../../protocol/crashReport';
import { pythonStacks } from '../faultStacks';

/** The stacks in the last report of `stderr`, the faulting thread's first; empty when there is none. */
export function faultStacks(stderr: string): CrashStack[] {
  const start = stderr.lastIndexOf('Fatal Python error:');
  if (start < 0) return [];
  const stacks = pythonStacks(stderr.slice(start));
  return stacks
    .map(({ thread, current, frames }) => ({ thread, faulting: current, frames: [...frames] }))
    .sort((a, b) => Number(b.faulting) - Number(a.faulting));
}
