/**
 * Purpose: the interpreters that pyenv keeps, and the one it would run in a folder.
 * Threads: JavaScript main thread; reads a few small files.
 * Must not know: how interpreters are probed, what else could be chosen.
 *
 * The order of the sources is that of `pyenv version`: PYENV_VERSION, the nearest `.python-version`, `$PYENV_ROOT/version`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** An interpreter of pyenv's, and what names it. */
export interface PyenvPython {
  path: string;
  source: string;
}

/** The interpreters that pyenv would run in `folder`, the first choice first; none without pyenv. */
export function pyenvChoice(folder: string | undefined, env: NodeJS.ProcessEnv = process.env): PyenvPython[] {
  const root = pyenvRoot(env);
  const chosen = chosenVersions(root, folder, env);
  if (!chosen) return [];
  const installed = versionsOf(root);
  return chosen.versions
    .map((version) => matching(installed, version))
    .filter((version) => version !== undefined)
    .map((version) => ({ path: pythonOf(root, version), source: `pyenv (${chosen.by})` }));
}

/** Every interpreter that pyenv keeps, the newest first. */
export function pyenvInstalled(env: NodeJS.ProcessEnv = process.env): PyenvPython[] {
  const root = pyenvRoot(env);
  return versionsOf(root).map((version) => ({ path: pythonOf(root, version), source: 'pyenv' }));
}

function pyenvRoot(env: NodeJS.ProcessEnv): string {
  return env.PYENV_ROOT || join(homedir(), '.pyenv');
}

function pythonOf(root: string, version: string): string {
  return join(root, 'versions', version, 'bin', 'python');
}

function versionsOf(root: string): string[] {
  try {
    return readdirSync(join(root, 'versions'))
      .filter((version) => existsSync(pythonOf(root, version)))
      .sort(newestFirst);
  } catch {
    return [];
  }
}

function newestFirst(a: string, b: string): number {
  return b.localeCompare(a, undefined, { numeric: true });
}

function chosenVersions(
  root: string,
  folder: string | undefined,
  env: NodeJS.ProcessEnv,
): { versions: string[]; by: string } | undefined {
  if (env.PYENV_VERSION) return { versions: env.PYENV_VERSION.split(':'), by: 'PYENV_VERSION' };
  for (let at = folder; at !== undefined; at = dirname(at) === at ? undefined : dirname(at)) {
    const versions = readVersions(join(at, '.python-version'));
    if (versions) return { versions, by: join(at, '.python-version') };
  }
  const versions = readVersions(join(root, 'version'));
  return versions && { versions, by: 'global version' };
}

/** One version per line or word; `#` begins a comment. */
function readVersions(file: string): string[] | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const versions = text
    .replace(/#.*$/gm, '')
    .split(/\s+/)
    .filter((word) => word !== '');
  return versions.length > 0 ? versions : undefined;
}

/** `3.11` means the newest 3.11 there is; `system` is on PATH, not here. */
function matching(installed: readonly string[], version: string): string | undefined {
  const name = version.replace(/^python-/, '');
  return installed.find((one) => one === name) ?? installed.find((one) => one.startsWith(`${name}.`));
}
