/**
 * Purpose: the interpreters of this machine that the bridge can use.
 * Threads: JavaScript main thread only.
 * Must not know: what they are tested with.
 */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type InterpreterFacts, probeInterpreter } from '../../extension/conductor/probe';

/** All interpreters that PATH and pyenv offer, oldest first, without those that cannot be used. */
export async function installedPythons(): Promise<InterpreterFacts[]> {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions');
  if (existsSync(pyenv)) folders.push(...readdirSync(pyenv).map((version) => join(pyenv, version, 'bin')));
  const found = new Map<string, InterpreterFacts>();
  for (const folder of folders.filter((path) => existsSync(path))) {
    for (const name of readdirSync(folder).filter((file) => /^python3(\.\d+)?$/.test(file))) {
      const facts = await probeInterpreter(join(folder, name)).catch(() => null);
      if (facts) found.set(`${facts.prefix} ${facts.version}`, facts);
    }
  }
  return [...found.values()].sort((left, right) => minor(left) - minor(right));
}

const minor = ({ version }: InterpreterFacts): number => Number(version.split('.')[1]);
