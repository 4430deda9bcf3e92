/**
 * Where traces are kept: a new file for each start of a Python, the newest few are kept.
 *
 * Must not know: VS Code, what is in a trace.
 */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isAlive } from '../conductor/processes';

const KEPT = 5;
/** Names begin with the time, so their order is their age, and end with the process that opened the bridge. */
const NAME = /(?:Z-(\d+))?[.]symtrace$/;

/** Traces that must not be removed, nor written by another recorder. */
export interface TracesInUse {
  /** By Pythons that run. */
  readonly written: ReadonlySet<string>;
  /** The panel shows it. */
  readonly shown: string | undefined;
}

const NONE: TracesInUse = { written: new Set(), shown: undefined };

/**
 * @param folder the extension's storage.
 * @param chosen the user's own place for the trace; wins over the folder unless a running Python records there.
 * @returns an absolute path whose folder exists.
 */
export async function newTraceFile(
  folder: string,
  chosen: string | undefined,
  inUse: TracesInUse = NONE,
): Promise<string> {
  if (chosen !== undefined && !inUse.written.has(chosen)) {
    await mkdir(dirname(chosen), { recursive: true });
    return chosen;
  }
  await mkdir(folder, { recursive: true });
  await removeOld(folder, inUse);
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  return join(folder, `${time}-${process.pid}.symtrace`);
}

/** The trace that was begun last, whatever became of who wrote it; undefined when there is none. */
export async function newestTrace(folder: string, chosen: string | undefined): Promise<string | undefined> {
  const files = (await tracesIn(folder)).map((name) => join(folder, name));
  const [kept, own] = await Promise.all([changed(files.at(-1)), changed(chosen)]);
  return own > kept ? chosen : files.at(-1);
}

async function removeOld(folder: string, { written, shown }: TracesInUse): Promise<void> {
  const traces = await tracesIn(folder);
  const old = traces.slice(0, Math.max(0, traces.length - KEPT + 1));
  const removable = old.filter((name) => {
    const file = join(folder, name);
    return !written.has(file) && file !== shown && !isOfAnotherWindow(name);
  });
  await Promise.all(removable.map((name) => rm(join(folder, name), { force: true })));
}

/** Windows without a workspace share a folder. */
function isOfAnotherWindow(name: string): boolean {
  const pid = Number(NAME.exec(name)?.[1]);
  return pid > 0 && pid !== process.pid && isAlive(pid);
}

async function tracesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => NAME.test(name)).sort();
}

/** Milliseconds since 1970; -1 when there is no such file. */
async function changed(file: string | undefined): Promise<number> {
  if (file === undefined) return -1;
  return await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => -1,
  );
}
