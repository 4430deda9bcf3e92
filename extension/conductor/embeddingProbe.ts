/**
 * Purpose: tries the embedded host in a throw-away process first: a Python that cannot be embedded
 * may take the whole extension host with it.
 * Threads: JavaScript main thread; the trial runs in a child with a deadline.
 * Must not know: sessions, hosts.
 */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { addonPaths, hasAddon } from '../bridge/addon';
import { pythonFolder } from './hostSettings';
import { readJson, writeJson } from './privateFile';
import type { InterpreterFacts } from './probe';

/** Whether embedding works, and why not. */
export interface EmbeddingVerdict {
  ok: boolean;
  /** For a person; also when it works. */
  reason: string;
}

const TRIAL_TIMEOUT_MS = 20_000;
const CACHE_FILE = 'embedding.json';
const CACHE_ENTRIES = 32;

/** Loads the addon and starts Python in a child; that it went well is remembered in `cacheDir`, if given. */
export async function probeEmbedding(
  root: string,
  facts: InterpreterFacts,
  cacheDir?: string,
): Promise<EmbeddingVerdict> {
  const { libpython } = facts;
  if (!libpython) return { ok: false, reason: `${facts.path} has no shared library (libpython)` };
  if (!hasAddon(root)) return { ok: false, reason: 'the native addon is not built here' };
  const key = await embeddingKey(root, facts.path, libpython);
  const cache = cacheDir ? readCache(cacheDir) : {};
  const known = cache[key];
  if (typeof known === 'string') return { ok: true, reason: known };
  const verdict = await tryOut(root, facts.path, libpython);
  // A failure may have a cause that goes away: it is tried again.
  if (cacheDir && verdict.ok) writeCache(cacheDir, { ...cache, [key]: verdict.reason });
  return verdict;
}

/** Names a Python as it is embedded: any change of the library, the interpreter's path or our addon gives another key. */
export async function embeddingKey(root: string, path: string, libpython: string): Promise<string> {
  const marks = await Promise.all([libpython, addonPaths(root).addon].map(mark));
  return [path, libpython, process.versions.modules, ...marks].join('|');
}

/** Runs in plain Node: nothing of ours is loaded there but the addon. */
const TRIAL = `
const [loader, addon, libpython, program, packagePath] = process.argv.slice(1);
require(loader).open(libpython);
const python = require(addon).start({ program, packagePath, traceFile: null });
process.stdout.write('started ' + python.version, () => process.exit(0));
`;

function tryOut(root: string, program: string, libpython: string): Promise<EmbeddingVerdict> {
  const { loader, addon } = addonPaths(root);
  const args = ['-e', TRIAL, '--', loader, addon, libpython, program, pythonFolder(root)];
  const { PYTHONFAULTHANDLER: _, NODE_OPTIONS: __, ...inherited } = process.env;
  // In the extension host the executable is the editor itself; this makes it act as Node.
  const env = { ...inherited, ELECTRON_RUN_AS_NODE: '1' };
  const options = { env, timeout: TRIAL_TIMEOUT_MS, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (!error && stdout.includes('started ')) resolve({ ok: true, reason: 'a trial start went well' });
      else resolve({ ok: false, reason: `a trial start failed: ${failureOf(error, stderr)}` });
    });
  });
}

function failureOf(
  error: (Error & { killed?: boolean; signal?: NodeJS.Signals | null }) | null,
  stderr: string,
): string {
  if (error?.killed) return `no end within ${TRIAL_TIMEOUT_MS / 1000} s`;
  if (error?.signal) return `it crashed with ${error.signal}`;
  const line = stderr.split('\n').find((text) => /Error|error|fatal/i.test(text));
  return line?.trim() ?? error?.message.split('\n')[0] ?? 'it printed nothing';
}

async function mark(file: string): Promise<string> {
  const info = await stat(file);
  return `${info.mtimeMs}:${info.size}`;
}

/** By key the reason of a good verdict. */
type Cache = Record<string, string>;

function readCache(folder: string): Cache {
  // Absent or damaged: the trial runs again.
  return readJson<Cache>(join(folder, CACHE_FILE)) ?? {};
}

function writeCache(folder: string, cache: Cache): void {
  try {
    writeJson(join(folder, CACHE_FILE), Object.fromEntries(Object.entries(cache).slice(-CACHE_ENTRIES)));
  } catch {
    // A cache that cannot be written costs a trial per start, nothing else.
  }
}
