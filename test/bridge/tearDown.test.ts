/** Processes and Workers that end while calls, streams, callbacks and objects are under way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOSTS } from './bothHosts';
import { isGoneWithin, Program } from './children';

const PROGRAM = 'test/bridge/tearDownProgram.ts';
/** Two hosts, five endings. */
const ROUNDS = process.env.SYMPHONY_FULL ? 20 : 2;
const WORKERS = process.env.SYMPHONY_FULL ? 200 : 20;

/** How each ending looks from outside; Node itself tells of an error that nobody caught. */
const endings: [ending: string, code: number | null, signal: string | null, stderr: RegExp][] = [
  ['natural', 0, null, /^$/],
  ['exit', 7, null, /^$/],
  ['exit-in-callback', 7, null, /^$/],
  [
    'throw',
    1,
    null,
    /^\S+tearDownProgram[^\n]*\n[^\n]*throw new Error\(.on purpose.\)[^\n]*\n\s*\^\n\s*\nError: on purpose\n(?: {4}at [^\n]*\n)+\s*Node\.js \S+\s*$/,
  ],
  ['terminate', null, 'SIGTERM', /^$/],
];

for (const host of HOSTS) {
  for (const [ending, code, signal, stderr] of endings) {
    test(`${host}: a process that ends by "${ending}" in the middle of everything`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const program = new Program(PROGRAM, [host, ending, String((round * 13) % 50)]);
        const [, pid] = await program.saw(/pid (\d+) ready/);
        const began = Date.now();
        const ended = await program.ended;
        assert.deepEqual([ended.code, ended.signal], [code, signal], ended.stderr);
        assert.match(ended.stderr, stderr);
        assert.ok(Date.now() - began < 10_000, 'it ended soon');
        assert.ok(await isGoneWithin(Number(pid), 5000), 'the child is gone');
      }
    });
  }
}

test(`${WORKERS} Workers that end without close() in the middle of everything leave nothing in Python`, async () => {
  const program = new Program(
    PROGRAM,
    ['embedded', 'workers', String(WORKERS)],
    {},
    undefined,
    20_000 * WORKERS,
  );
  const { code, signal, stdout, stderr } = await program.ended;
  assert.deepEqual([code, signal, stderr], [0, null, '']);
  const { codes, left } = JSON.parse(/OUTCOME (.*) END/.exec(stdout)?.[1] ?? '{}');
  assert.deepEqual(left, { counters: 0, handles: [] });
  const wanted = [
    'natural 0',
    'exit 0',
    'exit-in-callback 0',
    'spin-in-callback 1',
    'python-in-call 1',
    'terminate 1',
  ];
  assert.deepEqual(Object.keys(codes).sort(), wanted.sort());
});
