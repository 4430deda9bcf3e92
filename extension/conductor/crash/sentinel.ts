/**
 * Purpose: a small file that stands while Python is in this process: found without its process, it says that the process
 * did not come to an orderly end. Beside it a link to the recording, which so outlives every clean-up.
 * Threads: a JavaScript thread (the main thread or a Worker), which has a file of its own.
 * Must not know: VS Code, what is made of a fallen one.
 */
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { isMainThread, threadId } from 'node:worker_threads';
import { atExit } from '../atExit';
import { readJson, writeJson } from '../privateFile';
import { bootId, startOf } from '../processes';
import { secureTrace } from './secureTrace';

/** What a sentinel tells of the Python it stands for. */
export interface SentinelFacts {
  /** Which interpreter, library and addon: see `embeddingKey`. */
  key: string;
  interpreter: string;
  version: string;
  workspace: string;
  traceFile: string | null;
}

/** `starting` until Python runs: a process that ends in between never got that far. */
export type Stage = 'starting' | 'running';

interface Written extends SentinelFacts {
  pid: number;
  /** See `startOf`. */
  start: string;
  machine: string;
  boot: string;
  stage: Stage;
  atMs: number;
}

/** A sentinel whose process is gone. Whoever has it is the only one. */
export interface Fallen extends Written {
  /** The recording it secured, to be moved or removed; null when there is none. */
  secured: string | null;
  /** The machine was started anew since. */
  rebooted: boolean;
}

const SUFFIX = '.sentinel';
/** Of another machine that shares the folder, or shared it once: its processes are not to be seen from here. */
const FORGOTTEN_AFTER_MS = 30 * 24 * 3600_000;

export class Sentinel {
  private readonly file: string;
  private readonly trace: string;
  private readonly start = startOf(process.pid) ?? '';
  private standing: Stage | null = null;
  private isWatchingExit = false;

  constructor(
    private readonly folder: string,
    private readonly facts: SentinelFacts,
  ) {
    const name = `${ownName(this.start)}${threadId}`;
    this.file = join(folder, `${name}${SUFFIX}`);
    this.trace = join(folder, `${name}.symtrace`);
  }

  /** Stands from now on, until `lower()` or an orderly end of the process. Cheap when it stands already. */
  raise(stage: Stage): void {
    if (this.standing === stage) return;
    const { facts, start } = this;
    const place = { machine: hostname(), boot: bootId(), pid: process.pid, start };
    try {
      writeJson(this.file, { ...facts, ...place, stage, atMs: Date.now() } satisfies Written);
      if (stage === 'running' && facts.traceFile) secureTrace(facts.traceFile, this.trace);
    } catch {
      // A folder that cannot be written to costs the knowledge of a crash, not the run.
    }
    this.standing = stage;
    if (!this.isWatchingExit) atExit(() => this.leave());
    this.isWatchingExit = true;
  }

  lower(): void {
    if (this.standing === null) return;
    this.standing = null;
    remove(this.file, this.trace);
  }

  /** With the main thread the whole process ends, and a Worker that was terminated could not lower its own. */
  private leave(): void {
    this.lower();
    if (!isMainThread) return;
    for (const name of namesIn(this.folder, ownName(this.start))) remove(join(this.folder, name));
  }
}

/** The sentinels in `folder` whose process does not run any more. Each is given once, to whoever asks first. */
export function takeFallen(folder: string): Fallen[] {
  const all = namesIn(folder).filter((name) => name.endsWith(SUFFIX));
  return all.flatMap((name) => {
    const file = join(folder, name);
    const written = readJson<Written>(file);
    if (written === undefined || !isFallen(written)) return [];
    const taken = `${file}-${process.pid}`;
    try {
      // One process only can do this; the others find it gone.
      renameSync(file, taken);
    } catch {
      return [];
    }
    remove(taken);
    const trace = `${basename(name, SUFFIX)}.symtrace`;
    const secured = namesIn(folder).includes(trace) ? join(folder, trace) : null;
    if (written.machine !== hostname()) {
      if (secured) remove(secured);
      return [];
    }
    return [{ ...written, secured, rebooted: written.boot !== bootId() }];
  });
}

function isFallen({ machine, boot, pid, start, atMs }: Written): boolean {
  if (machine !== hostname()) return Date.now() - atMs > FORGOTTEN_AFTER_MS;
  // An id is given again, to a process that has another start.
  return boot !== bootId() || startOf(pid) !== start;
}

function ownName(start: string): string {
  return `${process.pid}-${start}-`;
}

function namesIn(folder: string, prefix = ''): string[] {
  try {
    return readdirSync(folder).filter((name) => name.startsWith(prefix));
  } catch {
    return [];
  }
}

function remove(...files: string[]): void {
  for (const file of files) rmSync(file, { force: true });
}
