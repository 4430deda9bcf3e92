// The test suites: how each is run, how long it may take, and how its counts are read from what it prints.
import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { embeddingEnvironment } from './embedding.mjs';
import { at, venvPython } from './paths.mjs';
import { otherPythons } from './pythons.mjs';
import { exitOf, StepError } from './run.mjs';
import { filesBelow } from './stamp.mjs';
import { bundleTests, nodeOptions } from './testBundles.mjs';

/**
 * @typedef {{passed: number, failed: number, skipped: number}} Counts
 * @typedef {object} Suite
 * @property {string} name
 * @property {string} command
 * @property {string[]} args
 * @property {() => Promise<string[]>} [prepare] builds what is run, outside the budget; gives the arguments that are only known then
 * @property {Record<string, string>} [env]
 * @property {number} minutes the budget on two cores; a suite that takes several times as long is stopped and has failed
 * @property {(output: string) => Counts} count
 */

/** @returns {Promise<Suite[]>} every suite; `full` adds the long forms. @throws StepError when one has no tests */
export async function suites({ full }) {
  return [
    cargo(full ? 20 : 3),
    full && models(5),
    sdk(full ? 15 : 2),
    pytest(full ? 20 : 2, full ? ['--timeout=1200'] : []),
    nodeTests('unit', full ? 10 : 1),
    ...(await bridgeTests(full)),
    nodeTests('webview', 1),
    inHost(2),
    nodeTests('e2e', 3),
    full && nodeTests('memory', 30),
    full && nodeTests('full', 60),
  ].filter(Boolean);
}

function cargo(minutes) {
  // An extension module does not link into a test binary: the Python side is tested through pytest.
  const others = ['symphony-python', 'symphony-sdk', 'symphony-planted'].flatMap((name) => [
    '--exclude',
    name,
  ]);
  return cargoTests('cargo', minutes, ['--release', '--workspace', ...others]);
}

/** The queues of the Rust core in every order of their threads' steps; what is built for it is of no other use. */
function models(minutes) {
  const env = { RUSTFLAGS: '--cfg loom', CARGO_TARGET_DIR: at('native', 'target', 'loom') };
  return cargoTests('models', minutes, ['--release', '-p', 'symphony-core', '--lib', 'models::'], env);
}

function sdk(minutes) {
  // What makes the random values lies beside the tests in Python.
  const env = embeddingEnvironment([at('test', 'fixtures', 'python'), at('test', 'python')]);
  return cargoTests('sdk', minutes, ['--package', 'symphony-sdk', '--no-default-features'], env);
}

function cargoTests(name, minutes, which, env = {}) {
  const args = ['test', '--locked', '--manifest-path', at('native', 'Cargo.toml'), ...which];
  // How long it takes to build them is not the tests' matter. An error of it shows again when they are run.
  const prepare = async () => {
    const build = spawn('cargo', [...args, '--no-run'], { env: { ...process.env, ...env }, stdio: 'ignore' });
    await exitOf(build);
    return [];
  };
  return { name, command: 'cargo', args, env, prepare, minutes, count: countCargo };
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

/** What a call is, on both hosts: the part of the bridge's suite that `npm test` repeats with other Pythons. */
const CONTRACT =
  /\/(calls|callbacks|converters|errors|panics|proxies|references|scripts|streams|strict|sync|types|views)[.]test[.]ts$/;
/** These choose their Python themselves. */
const OWN_PYTHON = /\/(debugAdapter|pythons)[.]test[.]ts$/;

/** The bridge with the default Python, and with others: all of this machine, or the oldest and the newest. */
async function bridgeTests(full) {
  const others = await otherPythons();
  const chosen = full ? others : [...new Set([others.at(0), others.at(-1)])].filter(Boolean);
  const part = testFiles('bridge', full ? /[.]test[.]ts$/ : CONTRACT).filter(
    (file) => !OWN_PYTHON.test(file),
  );
  return [
    nodeTests('bridge', full ? 20 : 4),
    ...chosen.map(({ path, version }) => ({
      ...nodeTests('bridge', full ? 10 : 1, part),
      name: `bridge-${version}`,
      // The long forms of single tests are run with the default Python.
      env: { SYMPHONY_TEST_PYTHON: path, SYMPHONY_FULL: '' },
    })),
  ];
}

function nodeTests(folder, minutes, files = testFiles(folder, /[.]test[.]ts$/)) {
  // Tests of the bridge wait for processes more than they compute; elsewhere two files at a time would measure each other.
  const concurrency = folder === 'bridge' ? 2 : 1;
  // One file that hangs must not hide what the others have to say.
  const limits = [`--test-concurrency=${concurrency}`, `--test-timeout=${minutes * 60_000}`];
  const args = [...nodeOptions, '--test', ...limits, '--test-reporter=spec'];
  const prepare = () => bundleTests(folder, files);
  return { name: folder, command: process.execPath, args, prepare, minutes, count: countNode };
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
