/** The page that says which Python does what. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BridgeError } from '../../extension/bridge/errors';
import { environmentsPage, type Survey } from '../../extension/conductor/environments';
import type { HostInfo } from '../../extension/conductor/host';
import type { InterpreterFacts } from '../../extension/conductor/probe';

const facts = (version: string): InterpreterFacts => ({
  path: `/opt/${version}/python`,
  version,
  executable: `/opt/${version}/python`,
  prefix: `/opt/${version}`,
  libpython: `/opt/${version}/libpython.so`,
});

const info = (version: string, pid: number): HostInfo => ({
  kind: 'subprocess',
  version,
  executable: `/opt/${version}/python`,
  prefix: `/opt/${version}`,
  pid,
  traceFile: null,
  pitHome: null,
  reason: '',
  fellBack: false,
});

const lost = {
  path: '/project/.venv/bin/python',
  source: '.venv of the workspace',
  taken: false,
  reason: 'is Python 3.6.0',
};
const taken = {
  path: '/opt/3.12.1/python',
  source: 'pyenv (global version)',
  taken: true,
  reason: 'Python 3.12.1',
};
const other = { path: '/usr/bin/python3', source: 'PATH', taken: true, reason: 'Python 3.11.2' };

const found: Survey = {
  host: 'auto',
  choice: { facts: facts('3.12.1'), source: taken.source, candidates: [lost, taken] },
  embedding: { ok: true, reason: 'trial start went well' },
  doubt: null,
  embedded: null,
  candidates: [other, taken, lost],
};

/** The cells of the row that begins so. */
function row(page: string, first: string): string[] {
  const line = page.split('\n').find((text) => text.startsWith(`| ${first} |`));
  assert.ok(line, page);
  return line
    .split(' | ')
    .slice(1)
    .map((cell) => cell.replace(/ \|$/, ''));
}

test('every role has its interpreter, and every candidate its reason, in the order of the search', () => {
  const page = environmentsPage(found, { debugging: [] });
  assert.deepEqual(row(page, 'chosen'), ['/opt/3.12.1/python', '3.12.1', 'from pyenv (global version)']);
  assert.match(row(page, 'embedded host')[2], /starts with the first run; trial start went well/);
  assert.equal(row(page, 'subprocess host')[2], 'starts when it is needed');
  assert.equal(row(page, 'debugger')[2], 'starts when it is needed');
  const [, places] = page.split('## ');
  assert.deepEqual(
    places
      .split('\n')
      .filter((line) => /^\| (lost|taken|works)/.test(line))
      .map((line) => line.split(' | ')[2]),
    ['.venv of the workspace', 'pyenv (global version)', 'PATH'],
  );
  assert.match(row(page, 'works')[2], /Python 3\.11\.2; something before it was taken/);
  assert.doesNotMatch(page, /keeps the Python/);
});

test('what runs is told as it is, also when it is not what is chosen', () => {
  const page = environmentsPage(
    { ...found, embedded: facts('3.11.2') },
    { scripts: info('3.12.1', 77), debugging: [info('3.8.18', 78), info('3.9.18', 79)] },
  );
  assert.deepEqual(row(page, 'embedded host').slice(0, 2), ['/opt/3.11.2/python', '3.11.2']);
  assert.match(page, /keeps the Python it was started with until the window is reloaded/);
  assert.equal(row(page, 'subprocess host')[2], 'runs as process 77');
  assert.match(page, /runs as process 78[\s\S]*runs as process 79/);
});

test('without a usable interpreter the page says so', () => {
  const choice = new BridgeError('no usable Python interpreter was found', { code: 'interpreter-invalid' });
  const page = environmentsPage(
    { ...found, choice, embedding: null, candidates: [{ ...lost, reason: 'a | in\ntwo lines' }] },
    { debugging: [] },
  );
  assert.equal(row(page, 'chosen')[2], 'no usable Python interpreter was found');
  assert.match(page, /a \\\| in two lines/);
});
