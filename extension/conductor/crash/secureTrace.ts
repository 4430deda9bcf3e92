/**
 * Purpose: keeps a recording that others may replace or remove.
 * Threads: any.
 * Must not know: who writes it.
 */
import { constants, copyFileSync, linkSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Gives the recording a second name, which costs no room and follows what is still written: a recorder never writes
 * over a file, but puts a new one in its place. Where a link cannot be made it is copied as it is now.
 * @returns false when it cannot be read, or there is no room.
 */
export function secureTrace(from: string, to: string): boolean {
  try {
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    rmSync(to, { force: true });
    try {
      linkSync(from, to);
    } catch {
      copyFileSync(from, to, constants.COPYFILE_FICLONE);
    }
    return true;
  } catch {
    return false;
  }
}
