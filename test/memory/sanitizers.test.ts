/** The addon and the Rust module under AddressSanitizer and UndefinedBehaviorSanitizer, and that these see what is wrong. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildSync } from 'esbuild';
import { scratchFolder } from '../bridge/bothHosts';
import { type Checked, checkedProduct, checkers, runChecked } from './sanitizerRun';

const ROOT = join(__dirname, '..', '..');
const PYTHON = process.env.SYMPHONY_TEST_PYTHON ?? join(ROOT, '.venv', 'bin', 'python');
const ROUNDS = process.env.SYMPHONY_FULL ? 20 : 5;

const bundle = join(scratchFolder(), 'exercise.cjs');
const entryPoints = [join(__dirname, 'exerciseProgram.ts')];
buildSync({
  entryPoints,
  outfile: bundle,
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: ['*.node'],
});

interface Exercised extends Checked {
  /** How many objects Python's collector knew after each round. */
  collected: number[];
  /** What Rust panicked with that was not meant to: where a call is refused, it would not be seen. */
  panics: string[];
  /** It came to its end, and nothing was found. */
  good: boolean;
}

type Host = 'embedded' | 'subprocess';

async function exercise(rounds: number, plant = 'none', host: Host = 'embedded'): Promise<Exercised> {
  const preload = host === 'subprocess' ? await checkers : null;
  const task = { host, root: await checkedProduct, python: PYTHON, preload, rounds, plant };
  const ran = await runChecked(process.execPath, ['--expose-gc', bundle, JSON.stringify(task)], {
    // Nothing of ours is native in the process that has a child: only the child is checked.
    env: preload === null ? {} : { LD_PRELOAD: '' },
  });
  const counts = /COLLECTED (.*) END/.exec(ran.stdout);
  const collected = counts ? (JSON.parse(counts[1]) as number[]) : [];
  const words = [...ran.stderr.matchAll(/panicked at .*:\n(.*)/g)].map(([, said]) => said);
  const panics = words.filter((said) => !/on purpose|a planted fault/.test(said));
  const ended = ran.code === 0 && collected.length === rounds;
  return { ...ran, collected, panics, good: ended && ran.findings.length + panics.length === 0 };
}

/** Python's collector sees leaked objects in its own lists, so that LSan does not: they are counted, by round. */
function growth(collected: readonly number[]): number {
  const settled = collected.slice(2);
  return (settled[settled.length - 1] - settled[0]) / (settled.length - 1);
}

/** Errors and caches add a few objects in the first rounds; a plant adds more. */
const MOST_GROWTH = 50;

for (const host of ['embedded', 'subprocess'] as const) {
  test(`${host}: using the bridge in every way leaks nothing and touches no foreign memory`, async (t) => {
    const { good, code, signal, stderr, findings, panics, collected } = await exercise(ROUNDS, 'none', host);
    assert.deepEqual([findings, panics], [[], []]);
    assert.ok(good, `${code} ${signal} ${stderr}`);
    t.diagnostic(`objects by round: ${collected}`);
    assert.ok(growth(collected) < MOST_GROWTH, `objects by round: ${collected}`);
  });
}

/** A fault on purpose, what is said of it, and where. */
const plants: readonly [plant: string, title: RegExp, frame: RegExp, host?: Host][] = [
  ['c++ leak', /leak of 40 byte/, /Plant/],
  ['c++ overflow', /heap-buffer-overflow/, /Plant/],
  ['c++ undefined', /runtime error: signed integer overflow/, /Plant/],
  ['rust leak', /leak of 40 byte/, /plants/],
  ['rust overflow', /heap-buffer-overflow/, /plants/],
  ['rust use-after-free', /heap-use-after-free/, /plants/],
  ['rust lost-reference', /leak of \d+ byte/, /plants/],
  ['component leak', /leak of 40 byte/, /planted/],
  ['component use-after-free', /heap-use-after-free/, /planted/],
  ['component lost-reference', /leak of 73 byte/, /bytes_repeat/],
  ['rust leak', /leak of 40 byte/, /plants/, 'subprocess'],
  ['rust lost-reference', /leak of \d+ byte/, /plants/, 'subprocess'],
  ['rust use-after-free', /heap-use-after-free/, /plants/, 'subprocess'],
];

for (const [plant, title, frame, host = 'embedded'] of plants) {
  test(`the self-test: "${plant}" fails the run (${host})`, async () => {
    const { good, findings } = await exercise(1, plant, host);
    assert.equal(good, false);
    const named = findings.some((one) => title.test(one.title) && one.stack.some((line) => frame.test(line)));
    assert.ok(named, JSON.stringify(findings, null, 1));
  });
}

for (const place of ['rust', 'component']) {
  test(`the self-test: arithmetic that overflows fails the run (${place})`, async () => {
    const { good, panics } = await exercise(1, `${place} arithmetic`);
    assert.deepEqual([good, panics], [false, ['attempt to add with overflow']]);
  });
}

test('the self-test: lists that Python lost are counted', async () => {
  const { collected } = await exercise(ROUNDS, 'rust lost-list');
  assert.ok(growth(collected) >= MOST_GROWTH, `objects by round: ${collected}`);
});

test('the self-test: where std checks a precondition, Rust that breaks it ends the process', async () => {
  const { good, signal, stderr } = await exercise(1, 'rust unchecked');
  assert.equal(good, false);
  assert.deepEqual([signal, /unsafe precondition\(s\) violated/.test(stderr)], ['SIGABRT', true], stderr);
});

test("the codec's own tests, random values included, keep within memory, numbers and preconditions", async () => {
  const files = readdirSync(join(ROOT, 'test', 'python')).filter((name) => /^test_codec.*[.]py$/.test(name));
  const paths = files.map((name) => join(ROOT, 'test', 'python', name));
  const config = ['-c', join(ROOT, 'python', 'pyproject.toml'), '--rootdir', ROOT, '-p', 'no:cacheprovider'];
  const product = join(await checkedProduct, 'python');
  // Everything takes several times as long here.
  const settings = ['-o', `pythonpath=${product}`, '-o', 'timeout=1200'];
  const ran = await runChecked(PYTHON, ['-m', 'pytest', ...config, ...settings, ...paths, '-q'], {
    leaks: false,
    // The usual number of random values: the long form runs without the checks, many times as fast.
    env: { PYTHONPATH: product, SYMPHONY_FULL: '' },
  });
  assert.deepEqual(ran.findings, []);
  assert.equal(ran.code, 0, ran.stdout);
  assert.match(ran.stdout, /\d+ passed/);
});
