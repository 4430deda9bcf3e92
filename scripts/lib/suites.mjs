// The test suites: how each is run, how long it may take, and how its counts are read from what it prints.
import { delimiter } from 'node:path';
import { at, venvPython } from './paths.mjs';
import { StepError } from './run.mjs';
import { filesBelow } from './stamp.mjs';

/**
 * @typedef {{passed: number, failed: number, skipped: number}} Counts
 * @typedef {object} Suite
 * @property {string} name
 * @property {string} command
 * @property {string[]} args
 * @property {Record<string, string>} [env]
 * @property {number} minutes the budget on two cores; a suite that takes several times as long is stopped and has failed
 * @property {(output: string) => Counts} count
 */

/** @returns {Suite[]} every suite; `full` adds the long forms. @throws StepError when one has no tests */
export function suites({ full }) {
  return [
    cargo(full ? 20 : 3),
    pytest(full ? 20 : 2, full ? ['--timeout=1200'] : []),
    nodeTests('unit', full ? 10 : 1),
    nodeTests('bridge', full ? 20 : 3),
    nodeTests('webview', 1),
    inHost(2),
    nodeTests('e2e', 3),
    full && nodeTests('full', 60),
  ].filter(Boolean);
}

function cargo(minutes) {
  const manifest = ['--manifest-path', at('native', 'Cargo.toml')];
  // An extension module does not link into a test binary: the Python side is tested through pytest.
  const args = ['test', '--release', '--locked', ...manifest, '--workspace', '--exclude', 'symphony-python'];
  return { name: 'cargo', command: 'cargo', args, minutes, count: countCargo };
}

/** `more`: the long forms of one test take longer than a test may otherwise. */
function pytest(minutes, more) {
  testFiles('python', /(^|\/)test_\w+[.]py$/);
  const args = [
    '-m',
    'pytest',
    '-c',
    at('python', 'pyproject.toml'),
    '--rootdir',
    at(),
    ...more,
    at('test', 'python'),
  ];
  const env = { PYTHONPATH: [at('python'), process.env.PYTHONPATH].filter(Boolean).join(delimiter) };
  return { name: 'pytest', command: venvPython, args, env, minutes, count: countPytest };
}

function nodeTests(folder, minutes) {
  const files = testFiles(folder, /[.]test[.]ts$/);
  // The native side is driven by its own threads; two files at a time would measure each other.
  const args = [
    '--import',
    'tsx',
    '--expose-gc',
    '--test',
    '--test-concurrency=1',
    '--test-reporter=spec',
    ...files,
  ];
  return { name: folder, command: process.execPath, args, minutes, count: countNode };
}

function inHost(minutes) {
  testFiles('vscode', /[.]test[.]ts$/);
  const args = ['--import', 'tsx', at('test', 'vscode', 'runTest.ts')];
  return { name: 'vscode', command: process.execPath, args, minutes, count: countMocha };
}

function testFiles(folder, pattern) {
  const files = filesBelow([at('test', folder)], (file) => pattern.test(file));
  // A suite that was moved or renamed must not pass by its absence.
  if (files.length === 0) throw new StepError(`The suite ${folder} has no tests in test/${folder}.`);
  return files;
}

function countCargo(output) {
  const results = [...output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm)];
  return sum(results.map(([, passed, failed, skipped]) => ({ passed, failed, skipped })));
}

function countPytest(output) {
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const number = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(last)?.[1] ?? 0);
  return {
    passed: number('passed'),
    failed: number('failed') + number('errors?'),
    skipped: number('skipped') + number('xfailed') + number('deselected'),
  };
}

function countNode(output) {
  const number = (word) => Number(new RegExp(`^. ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  return {
    passed: number('pass'),
    failed: number('fail') + number('cancelled'),
    skipped: number('skipped') + number('todo'),
  };
}

function countMocha(output) {
  const number = (word) => Number(new RegExp(`^\\s*(\\d+) ${word}`, 'm').exec(output)?.[1] ?? 0);
  return { passed: number('passing'), failed: number('failing'), skipped: number('pending') };
}

export function sum(/** @type {Record<keyof Counts, unknown>[]} */ counts) {
  const total = (key) => counts.reduce((all, one) => all + Number(one[key]), 0);
  return { passed: total('passed'), failed: total('failed'), skipped: total('skipped') };
}
