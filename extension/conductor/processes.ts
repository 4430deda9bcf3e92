/**
 * Purpose: what is known of other processes.
 * Threads: any.
 * Must not know: whose they are.
 */

import { readdirSync, readFileSync } from 'node:fs';

/** True while a process with this id runs, whoever's it is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Bytes of memory that a process and its descendants have in use; what has ended meanwhile counts as none. Linux. */
export function memoryOf(pid: number): number {
  const own = Number(readOf(pid, 'status').match(/^VmRSS:\s+(\d+) kB$/m)?.[1] ?? 0) * 1024;
  return childrenOf(pid).reduce((sum, child) => sum + memoryOf(child), own);
}

function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.flatMap((thread) =>
      readOf(pid, `task/${thread}/children`).split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
