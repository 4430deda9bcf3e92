/** The oldest and the newest Python of this machine, on both hosts, from one binary. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { type InterpreterFacts, probeInterpreter } from '../../extension/conductor/probe';
import { HOSTS } from './bothHosts';
import { Program } from './children';

/** All interpreters that PATH and pyenv offer, without those that cannot be used. */
async function installedPythons(): Promise<InterpreterFacts[]> {
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

test('the oldest and the newest Python work on both hosts', async (t) => {
  const pythons = await installedPythons();
  const shared = pythons.filter(({ libpython }) => libpython !== null);
  assert.ok(pythons.length > 0, 'no usable Python at all');
  for (const host of HOSTS) {
    const usable = host === 'embedded' ? shared : pythons;
    const ends = new Set([usable.at(0), usable.at(-1)].filter((facts) => facts !== undefined));
    for (const { path, version } of ends) {
      await t.test(`${host}: Python ${version}`, async () => {
        const program = new Program('test/bridge/lifeProgram.ts', [host, 'close', path]);
        const ended = await program.ended;
        assert.equal(ended.code, 0, ended.stderr);
        assert.ok(ended.stdout.startsWith(`python ${version} `), ended.stdout);
        assert.match(ended.stdout, /sum 42/);
      });
    }
  }
});
