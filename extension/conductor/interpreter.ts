/**
 * Purpose: decides which Python to use, and says for each candidate why it was taken or not.
 * Threads: JavaScript main thread.
 * Must not know: hosts, VS Code; the editor's choice comes in through a function.
 */
import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { BridgeError } from '../bridge/errors';
import { type InterpreterFacts, probeInterpreter } from './probe';
import { pyenvChoice, pyenvInstalled } from './pyenv';

/** Where to look; the first candidate that works is taken. */
export interface InterpreterSearch {
  /** The user's explicit choice. When it does not work, nothing else is tried. */
  python?: string;
  /** The Python extension's selection, if there is one. */
  pythonExtension?(): Promise<string | undefined>;
  /** Folder of the user's project. */
  workspace?: string;
  /** Folder of this product, whose own `.venv` comes before PATH. */
  root?: string;
  /** Replaces the environment: PATH and pyenv's variables, for tests. */
  env?: NodeJS.ProcessEnv;
}

/** One place that was looked at. */
export interface Candidate {
  path: string;
  /** For instance `setting`, `Python extension`, `.venv of the workspace`, `pyenv (…)`, `PATH`. */
  source: string;
  taken: boolean;
  /** Why it was taken or lost. */
  reason: string;
}

/** The choice, and how it came about. */
export interface InterpreterChoice {
  facts: InterpreterFacts;
  source: string;
  candidates: Candidate[];
}

/**
 * Finds the interpreter. Links are not followed: a virtual environment is known by its own path.
 * @throws BridgeError `interpreter-invalid`; `details.candidates` lists what was tried
 */
export async function findInterpreter(search: InterpreterSearch): Promise<InterpreterChoice> {
  if (search.python) return useExplicit(search.python, search.workspace);
  const candidates: Candidate[] = [];
  for await (const { path, source } of places(search)) {
    if (candidates.some((seen) => seen.path === path)) continue;
    try {
      const facts = await probeInterpreter(path);
      const reason = `Python ${facts.version}`;
      candidates.push({ path, source, taken: true, reason });
      return { facts, source, candidates };
    } catch (error) {
      candidates.push({ path, source, taken: false, reason: (error as Error).message });
    }
  }
  throw nothingFound(candidates);
}

/** Every place that could be used or not, with the reason; for a list that a person chooses from. */
export async function listInterpreters(search: InterpreterSearch): Promise<Candidate[]> {
  const found = new Map<string, Candidate>();
  for await (const { path, source } of everywhere(search)) {
    const { key, candidate } = await probeInterpreter(path).then(
      ({ version, executable }) => ({
        // `python` and `python3`, and `/bin` where it is a link to `/usr/bin`, are one.
        key: join(realpathSync(dirname(executable)), basename(executable).replace(/[\d.]*$/, version)),
        candidate: { path, source, taken: true, reason: `Python ${version}` },
      }),
      (error: Error) => ({ key: path, candidate: { path, source, taken: false, reason: error.message } }),
    );
    if (!found.has(key)) found.set(key, candidate);
  }
  return [...found.values()];
}

async function useExplicit(python: string, workspace: string | undefined): Promise<InterpreterChoice> {
  const path = expand(python, workspace);
  const facts = await probeInterpreter(path);
  const candidate = { path, source: 'setting', taken: true, reason: `Python ${facts.version}` };
  return { facts, source: 'setting', candidates: [candidate] };
}

interface Place {
  path: string;
  source: string;
}

async function* everywhere(search: InterpreterSearch): AsyncGenerator<Place> {
  yield* places(search);
  yield* pyenvInstalled(search.env);
}

async function* places(search: InterpreterSearch): AsyncGenerator<Place> {
  const chosen = await search.pythonExtension?.().catch(() => undefined);
  if (chosen) yield { path: chosen, source: 'Python extension' };
  for (const [folder, owner] of [
    [search.workspace, 'the workspace'],
    [search.root, 'Symphony Conductor'],
  ]) {
    for (const name of folder ? ['.venv', 'venv'] : []) {
      const path = join(folder as string, name, 'bin', 'python');
      if (existsSync(path)) yield { path, source: `${name} of ${owner}` };
    }
  }
  yield* pyenvChoice(search.workspace, search.env);
  yield* onPath((search.env ?? process.env).PATH ?? '');
}

function* onPath(path: string): Generator<Place> {
  for (const name of ['python3', 'python']) {
    for (const folder of path.split(delimiter)) {
      const file = join(folder, name);
      if (isAbsolute(folder) && existsSync(file)) yield { path: file, source: 'PATH' };
    }
  }
}

/** `~`, paths relative to the workspace, and bare command names, as people write them in settings. */
function expand(python: string, workspace: string | undefined): string {
  if (python.startsWith('~/')) return join(homedir(), python.slice(2));
  if (isAbsolute(python)) return python;
  if (!python.includes('/')) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      if (isAbsolute(folder) && existsSync(join(folder, python))) return join(folder, python);
    }
  }
  return resolve(workspace ?? process.cwd(), python);
}

function nothingFound(candidates: Candidate[]): BridgeError {
  const tried = candidates.map(({ path, source, reason }) => `${path} (${source}): ${reason}`);
  return new BridgeError('no usable Python interpreter was found', {
    code: 'interpreter-invalid',
    hint: 'Install Python 3.8 or newer, or choose one with "Select Python Interpreter" or --python.',
    notes: tried.length > 0 ? tried : ['nothing on PATH is called python3 or python'],
    details: { candidates },
  });
}
