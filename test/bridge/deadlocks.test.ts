/**
 * Each way in which JavaScript and Python could wait for each other: it works, or an error says who waits for whom.
 * Nothing hangs: every case is a process of its own with a time limit.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Program } from './children';

interface Told {
  code: string;
  message: string;
  notes: string[];
  hint: string;
}

interface Outcome {
  came: unknown;
}

async function run(scenario: string): Promise<Outcome> {
  const program = new Program('test/bridge/deadlockProgram.ts', [scenario]);
  const [, text] = await program.saw(/OUTCOME (.*) END/);
  const { code, signal, stderr } = await program.ended;
  assert.deepEqual([code, signal], [0, null], stderr);
  return JSON.parse(text) as Outcome;
}

/** The error names both sides, and shows the Python stacks of both. */
function assertExplained(came: unknown, waitsIn: RegExp): void {
  const error = came as Told;
  assert.equal(error?.code, 'deadlock', JSON.stringify(came));
  assert.match(error.message, /JavaScript waits in a synchronous call for Python/);
  assert.match(error.message, /waits for JavaScript: (desk\.\w+|function)\(\)/);
  assert.ok(error.hint);
  const notes = error.notes.join('\n');
  assert.match(notes, /stack of the JavaScript thread/);
  assert.match(notes, waitsIn);
  assert.match(notes, /which waits for (desk\.\w+|function)\(\)/);
}

const cases: Record<string, (outcome: Outcome) => void> = {
  join: ({ came }) => {
    const [error, seen] = came as unknown[];
    assertExplained(error, /in join/);
    assert.deepEqual(seen, ['answer 42']);
  },
  'join-unbreakable': ({ came }) => {
    assert.match(
      String(came),
      /^DeadlockError: desk\.answer\(\) waits for JavaScript, which waits in a sync/,
    );
  },
  lock: ({ came }) => {
    const [error, value] = came as unknown[];
    assertExplained(error, /in take_wanted_lock/);
    assert.equal(value, 42);
  },
  'lock-of-the-caller': ({ came }) => {
    const [error, value] = came as unknown[];
    assertExplained(error, /in take_lock/);
    assert.equal(value, 5);
  },
  import: ({ came }) => {
    const [error, value] = came as unknown[];
    assertExplained(error, /asks_while_imported/);
    assert.equal(value, 42);
  },
  loop: ({ came }) => assertExplained(came, /in wait_for_loop[\s\S]*in ask/),
  'coroutine-and-thread': ({ came }) => assert.equal(came, 42),
  'coroutine-and-promise': ({ came }) => {
    assert.equal((came as Told).code, 'deadlock', JSON.stringify(came));
    assert.match((came as Told).message, /the promise of desk\.answer\(\)/);
  },
  'on-the-loop': ({ came }) => {
    assert.equal((came as Told).code, 'deadlock');
    assert.match((came as Told).hint, /await desk\.answer_async/);
  },
  receive: ({ came }) => assertExplained(came, /in receive/),
  sleep: ({ came }) => {
    const [error, seen] = came as unknown[];
    assertExplained(error, /in sleep/);
    assert.deepEqual(seen, ['answer 42']);
  },
  compute: ({ came }) => assert.equal(came, 'computed'),
  'slow-but-alive': ({ came }) => assert.equal(came, 'joined'),
  finaliser: ({ came }) => assert.deepEqual(came, ['DeadlockError']),
  'drop-elsewhere': ({ came }) => assert.equal(came, 500),
  flood: ({ came }) => assert.equal(came, 288_890),
  close: ({ came }) => assert.deepEqual(came, ['closed', 'closed']),
  fork: ({ came }) => assert.deepEqual(came, [7, 0]),
  storm: ({ came }) => assert.deepEqual(came, Array(5).fill(45_150)),
  'wait-beside-a-computation': ({ came }) => assert.equal(came, 3_000_000),
  'callback-beside-a-computation': ({ came }) => assert.equal(came, true),
  'garbage-beside-the-gil': ({ came }) => assert.equal(came, 'collected'),
  'wait-in-rust': ({ came }) => assert.equal(came, 'allocated'),
  'locks-of-rust': ({ came }) => assert.deepEqual(came, [30, 30, 30, 30, true]),
  'join-in-a-worker': ({ came }) => {
    assert.match(String(came), /^DeadlockError: function\(\) waits for JavaScript, which waits in a sync/);
  },
  'two-sessions': ({ came }) => assert.deepEqual(came, ['worker', 'main']),
  'two-sessions-joined': ({ came }) => {
    const [error, theirs] = came as unknown[];
    assertExplained(error, /in join_kept/);
    assert.equal(theirs, 'joined');
  },
  'busy-worker': ({ came }) => assert.deepEqual(came, ['joined', 'worked']),
};

for (const [scenario, check] of Object.entries(cases)) {
  test(`deadlocks: ${scenario}`, { timeout: 90_000 }, async () => check(await run(scenario)));
}
