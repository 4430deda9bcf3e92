/** However the editor's process ends, and whatever its child does then: no process is left, and nothing on disk. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { markedAfter, markedProcesses } from '../chaos/leftovers';
import { FIXTURES, openForTest, rejection, scratchFolder } from './bothHosts';
import { isAlive, isGoneWithin, Program, socketFolders } from './children';

let programs = 0;

function start(state: string, ending: string): { program: Program; mark: string; temporary: string } {
  const mark = `orphans-${process.pid}-${programs++}-`;
  const temporary = join(scratchFolder(), 'tmp');
  mkdirSync(temporary);
  const env = { TMPDIR: temporary, PYTHONPATH: join(FIXTURES, 'python') };
  return {
    program: new Program('test/bridge/orphansProgram.ts', [state, ending, mark], env),
    mark,
    temporary,
  };
}

/** What the child does, and how many processes it is then, at the least. */
const states: [state: string, processes: number][] = [
  ['idle', 1],
  ['holds the GIL', 1],
  ['ignores SIGTERM', 1],
  ['started children', 5],
  ['forked children', 3],
  ['waits at a full pipe', 1],
  ['closed its streams', 1],
  ['is stopped', 1],
];

/** Each is told by the processes that it leaves: none. */
const beside = { concurrency: 4 };

describe('the editor is killed', beside, () => {
  for (const [state, processes] of states) {
    test(`while its child ${state}`, async () => {
      const { program, mark, temporary } = start(state, 'wait');
      await program.saw(/ready/);
      const running = markedProcesses(mark);
      assert.ok(running.length >= processes, `${running.length} processes`);
      program.child.kill('SIGKILL');
      await program.ended;
      assert.deepEqual(await markedAfter(mark, 3000), []);
      assert.deepEqual(socketFolders(temporary), []);
    });
  }
});

describe('the editor closes the bridge', beside, () => {
  for (const [state] of states) {
    test(`while its child ${state}`, async () => {
      const { program, mark, temporary } = start(state, 'close');
      await program.saw(/ready/);
      const began = Date.now();
      const { code, stderr } = await program.ended;
      assert.equal(code, 0, stderr);
      assert.ok(Date.now() - began < 8000, `it took ${Date.now() - began} ms`);
      assert.deepEqual(await markedAfter(mark, 1000), []);
      assert.deepEqual(socketFolders(temporary), []);
    });
  }
});

describe("the editor's window is reloaded", beside, () => {
  for (const [state] of states) {
    test(`while its child ${state}`, async () => {
      const { program, mark, temporary } = start(state, 'reload');
      await program.saw(/ready/);
      const { code, stderr } = await program.ended;
      assert.equal(code, 0, stderr);
      assert.deepEqual(await markedAfter(mark, 1000), []);
      assert.deepEqual(socketFolders(temporary), []);
    });
  }
});

test('a suspended editor: its child waits, and both go on', async () => {
  const { program, mark } = start('idle', 'count');
  const [, pid] = await program.saw(/pid (\d+) ready/);
  await program.saw(/count 3/);
  program.child.kill('SIGSTOP');
  await delay(100);
  const before = program.stdout;
  await delay(2500);
  assert.equal(program.stdout, before, 'it is suspended');
  assert.ok(isAlive(Number(pid)), 'the child waits');
  program.child.kill('SIGCONT');
  const next = Number(/count (\d+)\n$/.exec(before)?.[1]) + 10;
  await program.saw(new RegExp(`count ${next}\n`));
  assert.deepEqual(markedProcesses(mark), [Number(pid)], 'it is the same child');
  program.child.kill('SIGKILL');
  await program.ended;
});

test('a child that holds the GIL for ever ends after the deadline of a call, and the next call starts another', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const { pid } = bridge.info;
  const bystander = rejection(bridge.call('time:sleep', [60]));
  const began = Date.now();
  const error = await rejection(bridge.call('chaos_fixture:hold_the_gil', [], { deadlineMs: 100 }));
  assert.match(error.message, /did not listen any more/);
  assert.ok(Date.now() - began < 12_000, `it took ${Date.now() - began} ms`);
  assert.match((await bystander).message, /did not listen any more/);
  assert.ok(await isGoneWithin(pid, 2000));
  assert.equal(await bridge.call('math:floor', [2.5]), 2);
});

test('no zombie is left of a child that ends, in whatever way', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  for (const end of ['SIGKILL', 'SIGTERM', 'SIGSEGV'] as const) {
    const { pid } = bridge.info;
    const hit = rejection(bridge.call('time:sleep', [60]));
    process.kill(pid, end);
    await hit;
    assert.equal(existsSync(`/proc/${pid}`), false, `${end}: it is still in the table of processes`);
    await bridge.restart();
  }
  const { pid } = bridge.info;
  await bridge.close();
  assert.equal(existsSync(`/proc/${pid}`), false);
});
