/**
 * Purpose: what is known of other processes.
 * Threads: any.
 * Must not know: whose they are.
 */

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
