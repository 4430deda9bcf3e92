/**
 * Purpose: whether processes run, for tests and for programs of theirs.
 * Threads: JavaScript main thread only. Linux only: it reads /proc.
 * Must not know: what the processes are; tests.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Whether a process runs; a dead one that nobody has waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until a process is gone; false when it still runs after `ms`. */
export async function isGoneWithin(pid: number, ms: number): Promise<boolean> {
  for (const until = Date.now() + ms; Date.now() < until; ) {
    if (!isAlive(pid)) return true;
    await delay(10);
  }
  return !isAlive(pid);
}
