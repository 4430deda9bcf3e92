/** The debug adapter's life around a child that is slow to start; the child is the test's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConductorAdapter } from '../../extension/debug/adapter';
import type { Message, Request, Response } from '../../extension/debug/dap';
import type { Debuggee, DebuggeeFactory } from '../../extension/debug/debuggee';

/** An adapter whose child arrives when the test says so. */
function adapterWithSlowChild() {
  const delivered: Message[] = [];
  let kills = 0;
  const child: Debuggee = {
    pid: 1,
    internalPaths: [],
    connectDebugger: async () => {},
    run: async () => ({ exitCode: 0 }),
    kill: async () => {
      kills += 1;
    },
  };
  let arrive!: (child: Debuggee) => void;
  let fail!: (error: Error) => void;
  const starting = new Promise<Debuggee>((resolve, reject) => {
    arrive = resolve;
    fail = reject;
  });
  const start: DebuggeeFactory = () => starting;
  const adapter = new ConductorAdapter(start, (message) => delivered.push(message));
  const ask = (command: string, args?: unknown): void =>
    adapter.handle({ seq: 1, type: 'request', command, arguments: args } as Request);
  return { adapter, ask, delivered, arrive: () => arrive(child), fail, kills: () => kills };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

const answersTo = (command: string, messages: readonly Message[]): Response[] =>
  (messages as Response[]).filter((message) => message.type === 'response' && message.command === command);

for (const command of ['disconnect', 'terminate'] as const) {
  test(`a child that arrives after ${command} is ended before the answer`, async () => {
    const { ask, delivered, arrive, kills } = adapterWithSlowChild();
    ask('launch', { program: '/ws/a.conductor.py' });
    ask(command);
    await turn();
    assert.deepEqual(answersTo(command, delivered), []);
    arrive();
    await turn();
    assert.equal(kills(), 1);
    assert.equal(answersTo(command, delivered)[0].success, true);
    assert.equal(answersTo('launch', delivered)[0].success, false);
  });
}

test('disposing waits for a child that is on its way, and ends it', async () => {
  const { adapter, ask, arrive, kills } = adapterWithSlowChild();
  ask('launch', { program: '/ws/a.conductor.py', noDebug: true });
  let isOver = false;
  const disposing = adapter.dispose().then(() => {
    isOver = true;
  });
  await turn();
  assert.equal(isOver, false);
  arrive();
  await disposing;
  assert.equal(kills(), 1);
});

test('a session whose child never starts ends all the same', async () => {
  const { ask, delivered, fail, kills } = adapterWithSlowChild();
  ask('launch', { program: '/ws/a.conductor.py' });
  ask('disconnect');
  fail(new Error('no Python here'));
  await turn();
  assert.equal(answersTo('disconnect', delivered)[0].success, true);
  assert.match(answersTo('launch', delivered)[0].message ?? '', /no Python here/);
  assert.equal(kills(), 0);
});
