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

/**
 * When a process was started, in the system's own words: with the id it names a process for ever, as an id alone does
 * not. null when it does not run any more; empty where the system does not tell.
 */
export function startOf(pid: number): string | null {
  if (process.platform !== 'linux') return isAlive(pid) ? '' : null;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before may hold spaces and parentheses. Field 3 is the state, field 22 the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return /[ZX]/.test(fields[0]) ? null : fields[19];
  } catch {
    return null;
  }
}

/** The machine's present run: it changes with each boot. Empty where the system does not tell. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
