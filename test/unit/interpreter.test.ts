/** Discovery and probing of interpreters, good and bad. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import type { BridgeError } from '../../extension/bridge/errors';
import { findInterpreter, listInterpreters } from '../../extension/conductor/interpreter';
import { probeInterpreter } from '../../extension/conductor/probe';

const folder = mkdtempSync(join(tmpdir(), 'interpreter-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let programs = 0;

/** An executable file with this text. */
function program(text: string): string {
  const path = join(folder, `program-${++programs}`);
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

/** A program that answers the probe like a Python that is not here. */
function pretend(answer: object): string {
  const full = {
    version: [3, 11, 7],
    implementation: 'cpython',
    executable: join(folder, 'python'),
    prefix: folder,
    base_prefix: folder,
    libpython: null,
    free_threaded: false,
    ...answer,
  };
  return program(`#!/bin/sh\necho 'noise from a site hook'\necho 'symphony-probe:${JSON.stringify(full)}'\n`);
}

async function refusal(path: string, timeoutMs?: number): Promise<BridgeError> {
  const error = (await probeInterpreter(path, timeoutMs).catch((thrown: unknown) => thrown)) as BridgeError;
  assert.equal(error.code, 'interpreter-invalid', String(error));
  assert.ok(error.message.includes(path), error.message);
  assert.ok(error.hint, 'a next step');
  return error;
}

/** An environment with this folder on its PATH and no pyenv. */
function only(bin: string): NodeJS.ProcessEnv {
  return { PATH: bin, PYENV_ROOT: join(folder, 'no-pyenv') };
}

/** The interpreter that the tests themselves may use. */
async function anyPython(): Promise<string> {
  return (await findInterpreter({ root: join(__dirname, '..', '..') })).facts.path;
}

test('a working interpreter tells what it is', async () => {
  const path = await anyPython();
  const facts = await probeInterpreter(path);
  assert.match(facts.version, /^3\.\d+\.\d+$/);
  assert.equal(facts.path, path);
  assert.ok(facts.prefix.startsWith('/'));
});

test('a path that is not there, a folder, and a file that cannot be run', async () => {
  assert.match((await refusal(join(folder, 'nothing'))).message, /there is no interpreter/);
  assert.match((await refusal(folder)).message, /is a folder/);
  const plain = join(folder, 'plain');
  writeFileSync(plain, 'text');
  assert.match((await refusal(plain)).message, /is not executable/);
});

test('programs that are not Python', async () => {
  const bin = dirname(process.execPath);
  for (const path of [
    '/bin/ls',
    '/bin/sh',
    '/bin/cat',
    '/bin/true',
    join(bin, 'node'),
    program('not a program'),
  ]) {
    assert.match((await refusal(path)).message, /not a working Python/, path);
  }
});

test('a shell runs nothing of the probe', async () => {
  const before = readdirSync(process.cwd());
  await refusal('/bin/sh');
  assert.deepEqual(readdirSync(process.cwd()), before);
});

test('a program that gives no answer is ended in time', async () => {
  const began = Date.now();
  const error = await refusal(program('#!/bin/sh\nexec sleep 30\n'), 200);
  assert.match(error.message, /no answer within 0\.2 s/);
  assert.ok(Date.now() - began < 3000);
});

test('too old, free-threaded, or another implementation', async () => {
  assert.match(
    (await refusal(pretend({ version: [3, 7, 16] }))).message,
    /Python 3\.7\.16; the bridge needs 3\.8/,
  );
  assert.match((await refusal(pretend({ version: [2, 7, 18] }))).message, /Python 2\.7\.18/);
  assert.match((await refusal(pretend({ free_threaded: true }))).message, /free-threaded/);
  assert.match((await refusal(pretend({ implementation: 'pypy' }))).message, /pypy, not CPython/);
});

test('an explicit choice that does not work is told, and nothing else is tried', async () => {
  const missing = join(folder, 'missing');
  await assert.rejects(findInterpreter({ python: missing }), { code: 'interpreter-invalid' });
});

test('an explicit choice may be relative to the workspace, or a command', async () => {
  const fake = pretend({});
  const choice = await findInterpreter({ python: `./${fake.slice(folder.length + 1)}`, workspace: folder });
  assert.equal(choice.facts.path, fake);
  assert.equal(choice.source, 'setting');
  const byName = await findInterpreter({ python: 'python3' });
  assert.match(byName.facts.path, /^\/.*python3$/);
});

test('the order is: extension, workspace, own environment, PATH; each loser has its reason', async () => {
  const workspace = join(folder, 'workspace');
  const root = join(folder, 'root');
  const bin = join(folder, 'bin');
  for (const path of [join(workspace, 'venv', 'bin'), join(root, '.venv', 'bin'), bin])
    mkdirSync(path, { recursive: true });
  const broken = pretend({ version: [3, 6, 0] });
  const works = pretend({});
  symlinkSync(broken, join(workspace, 'venv', 'bin', 'python'));
  symlinkSync(works, join(root, '.venv', 'bin', 'python'));
  symlinkSync(works, join(bin, 'python3'));
  const search = { pythonExtension: async () => join(folder, 'gone'), workspace, root, env: only(bin) };
  const choice = await findInterpreter(search);
  assert.equal(choice.facts.path, join(root, '.venv', 'bin', 'python'), 'links are not followed');
  assert.deepEqual(
    choice.candidates.map(({ source, taken }) => [source, taken]),
    [
      ['Python extension', false],
      ['venv of the workspace', false],
      ['.venv of Symphony Conductor', true],
    ],
  );
  assert.match(choice.candidates[1].reason, /3\.6\.0/);
  assert.equal((await listInterpreters(search)).length, 3, 'the same one is listed once');
});

test('pyenv is asked before PATH: its variable, the nearest .python-version, its global version', async () => {
  const root = join(folder, 'pyenv');
  const workspace = join(folder, 'project', 'inner');
  const bin = join(folder, 'bin3');
  mkdirSync(workspace, { recursive: true });
  mkdirSync(bin);
  symlinkSync(pretend({ version: [3, 8, 1] }), join(bin, 'python3'));
  for (const [major, minor, patch] of [
    [3, 9, 9],
    [3, 9, 18],
    [3, 12, 0],
    [3, 13, 1],
  ]) {
    const version = join(root, 'versions', `${major}.${minor}.${patch}`, 'bin');
    mkdirSync(version, { recursive: true });
    symlinkSync(pretend({ version: [major, minor, patch] }), join(version, 'python'));
  }
  const env: NodeJS.ProcessEnv = { PATH: bin, PYENV_ROOT: root };
  const found = async (): Promise<string[]> => {
    const { source, facts } = await findInterpreter({ workspace, env });
    return [source, facts.version];
  };
  assert.deepEqual(await found(), ['PATH', '3.8.1'], 'nothing is chosen');
  writeFileSync(join(root, 'version'), 'system\n3.12.0\n');
  assert.deepEqual(await found(), ['pyenv (global version)', '3.12.0']);
  const file = join(folder, 'project', '.python-version');
  writeFileSync(file, '# of the project\n3.7\n3.9\n');
  assert.deepEqual(await found(), [`pyenv (${file})`, '3.9.18'], 'the newest 3.9');
  env.PYENV_VERSION = '3.13.1:3.12.0';
  assert.deepEqual(await found(), ['pyenv (PYENV_VERSION)', '3.13.1']);
  const listed = await listInterpreters({ workspace, env });
  assert.deepEqual(
    listed.map(({ reason }) => reason),
    ['Python 3.13.1', 'Python 3.12.0', 'Python 3.8.1', 'Python 3.9.18', 'Python 3.9.9'],
  );
});

test('a Python extension that fails is no choice', async () => {
  const bin = join(folder, 'bin2');
  mkdirSync(bin);
  symlinkSync(pretend({}), join(bin, 'python3'));
  const failing = async (): Promise<string> => {
    throw new Error('not activated');
  };
  assert.equal((await findInterpreter({ pythonExtension: failing, env: only(bin) })).source, 'PATH');
});

test('when nothing is found, everything that was tried is told', async () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  await assert.rejects(findInterpreter({ env: only(empty) }), (error: BridgeError) => {
    assert.equal(error.code, 'interpreter-invalid');
    return error.notes.length === 1 && Boolean(error.hint);
  });
});
