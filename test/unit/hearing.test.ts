/** When a child counts as deaf. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Emitter } from '../../extension/bridge/emitter';
import { whenDeaf } from '../../extension/conductor/hearing';

const SECOND_MS = 5;

/** A session with a call that its caller has given up. */
class StandInSession {
  private readonly cancels = new Emitter<void>();
  readonly onDidCancel = this.cancels.on;
  hasCancelled = true;
  closed = false;
  pings = 0;
  answer: () => Promise<number> = () => new Promise(() => {});

  pingInterpreter(): Promise<number> {
    this.pings += 1;
    return this.answer();
  }

  cancel(): void {
    this.cancels.fire();
  }
}

function listen() {
  const session = new StandInSession();
  const heard = { deaf: 0 };
  whenDeaf(session, () => heard.deaf++, SECOND_MS);
  return { session, heard };
}

test('a child that answers nothing is deaf, which is told once for all calls', async () => {
  const { session, heard } = listen();
  for (let i = 0; i < 3; i++) session.cancel();
  await delay(SECOND_MS * 3);
  assert.deepEqual([heard.deaf, session.pings], [0, 1]);
  await delay(SECOND_MS * 20);
  assert.deepEqual([heard.deaf, session.pings], [1, 1]);
});

test('a child that answers the question is not deaf, however long the call goes on', async () => {
  const { session, heard } = listen();
  session.answer = async () => 1;
  session.cancel();
  await delay(SECOND_MS * 30);
  assert.equal(heard.deaf, 0);
  assert.ok(session.pings > 2, 'it is asked again: it may become deaf later');
  session.answer = () => new Promise(() => {});
  await delay(SECOND_MS * 20);
  assert.equal(heard.deaf, 1);
});

test('nothing is asked once the call is answered, or the session has ended', async () => {
  for (const end of ['hasCancelled', 'closed'] as const) {
    const { session, heard } = listen();
    session[end] = end === 'closed';
    session.cancel();
    await delay(SECOND_MS * 20);
    assert.deepEqual([heard.deaf, session.pings], [0, 0]);
  }
});

test('a session that ends while it is asked is not deaf', async () => {
  const { session, heard } = listen();
  session.answer = () => Promise.reject(new Error('the session ended'));
  session.cancel();
  await delay(SECOND_MS * 3);
  session.closed = true;
  await delay(SECOND_MS * 20);
  assert.equal(heard.deaf, 0);
});
