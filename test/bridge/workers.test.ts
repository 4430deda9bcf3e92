/** Bridges in worker_threads: each environment has a session of its own, Python is the process's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Program } from './children';

async function run(scenario: string, patienceMs?: number): Promise<unknown> {
  const program = new Program('test/bridge/workersProgram.ts', [scenario], {}, undefined, patienceMs);
  const { code, signal, stdout, stderr } = await program.ended;
  assert.deepEqual([code, signal], [0, null], stderr);
  const match = /OUTCOME (.*) END/.exec(stdout);
  assert.ok(match, `${stdout}\n${stderr}`);
  return JSON.parse(match[1]);
}

test('three Workers and the main thread call at once, and each is called back itself', async () => {
  assert.deepEqual(await run('together'), ['main ok', 'a ok 0', 'b ok 0', 'c ok 0', 'main ok']);
});

test('a Worker needs no bridge on the main thread, and Python outlives the Worker that started it', async () => {
  assert.deepEqual(await run('without-main'), ['first ok 0', 'second ok 1', 'main ok']);
});

test('Workers that end, in whatever way, take their session along and leave the others alive', async () => {
  // Each of them starts an interpreter to ask it what it is.
  const { said, kept } = (await run('exits', 150_000)) as { said: string[]; kept: string[] };
  const expected = Array.from({ length: 20 }, (_, i) => `w${i} ok ${i % 4 === 3 ? 1 : 0}`);
  assert.deepEqual(said, [...expected, 'main ok']);
  assert.deepEqual(kept, Array(20).fill('BridgeClosed'));
});

test('regression: steps, models and threads that a Worker’s coroutine starts reach the Worker', async () => {
  assert.deepEqual(await run('asks'), ['a 0', 'main']);
});

test('regression: a coroutine that outlives its Worker’s session reaches no other', async () => {
  assert.equal(await run('late'), 'BridgeClosed');
});

test('regression: a function that another environment calls has the stores of none of its own calls', async () => {
  assert.equal(await run('stores'), 'none 0');
});
