/**
 * Where traces are kept: a new file for each start of the Conductor, the newest few are kept.
 *
 * Must not know: VS Code, what is in a trace.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const KEPT = 5;
const SUFFIX = '.symtrace';

/**
 * @param folder the extension's storage.
 * @param chosen the user's own place for the trace; wins over the folder.
 * @returns an absolute path whose folder exists.
 */
export async function newTraceFile(folder: string, chosen: string | undefined): Promise<string> {
  if (chosen !== undefined) {
    await mkdir(dirname(chosen), { recursive: true });
    return chosen;
  }
  await mkdir(folder, { recursive: true });
  await removeOld(folder);
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  return join(folder, `${time}-${process.pid}${SUFFIX}`);
}

async function removeOld(folder: string): Promise<void> {
  // Names begin with the time, so their order is their age.
  const traces = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX)).sort();
  const old = traces.slice(0, Math.max(0, traces.length - KEPT + 1));
  await Promise.all(old.map((name) => rm(join(folder, name), { force: true })));
}
