/**
 * Purpose: what may be left behind: processes, descriptors, files, memory.
 * Threads: JavaScript main thread. Linux only: it reads /proc.
 * Must not know: faults, bridges.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '../bridge/alive';

/** Everything that a child starts inherits it, so that it is found wherever it went. */
export const MARK = 'SYMPHONY_CHAOS';

/** Processes whose environment has `MARK=value`, or a value that begins with it; dead ones do not count. */
export function markedProcesses(value: string): number[] {
  const sought = `\0${MARK}=${value}`;
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && environmentOf(pid).includes(sought) && isAlive(pid));
}

/** Those that are still there after `ms`. */
export async function markedAfter(value: string, ms: number): Promise<number[]> {
  for (const until = Date.now() + ms; Date.now() < until; await delay(20)) {
    if (markedProcesses(value).length === 0) return [];
  }
  return markedProcesses(value);
}

function environmentOf(pid: number): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`;
  } catch {
    // It has ended, or is not ours.
    return '';
  }
}

/** Our open descriptors: what each is, by number. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Paths of all files and folders below a folder, in order. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

/** Resident memory of this process after a collection, in bytes. */
export async function residentBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await delay(10);
  }
  return process.memoryUsage.rss();
}
