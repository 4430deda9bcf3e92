/** When answers are looked for, and when they are left to the wake-up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { AnswerWatch } from '../../extension/bridge/answerWatch';

interface Looks {
  watch: AnswerWatch;
  /** What was asked, in order: true to stay. */
  asked: boolean[];
  /** How many looks find something. */
  finds: number;
  inFlight: number;
}

function looking(): Looks {
  const looks = { asked: [] as boolean[], finds: 0, inFlight: 2 } as Looks;
  const look = (stay: boolean): boolean => {
    looks.asked.push(stay);
    return looks.finds-- > 0;
  };
  looks.watch = new AnswerWatch(look, () => looks.inFlight);
  return looks;
}

test('looking ends by itself, and the last look hands over to the wake-up', async () => {
  const looks = looking();
  looks.watch.sent();
  await delay(30);
  assert.ok(looks.asked.length >= 2);
  assert.equal(looks.asked.at(-1), false);
  assert.ok(looks.asked.slice(0, -1).every((stay) => stay));
  const { length } = looks.asked;
  await delay(20);
  assert.equal(looks.asked.length, length);
});

test('looking ends as soon as nothing is expected', async () => {
  const looks = looking();
  looks.finds = 2;
  looks.watch.sent();
  looks.inFlight = 0;
  await delay(10);
  assert.deepEqual(looks.asked, [true, true, false]);
});

test('after looking in vain, answers are left to the wake-up until some come soon', async () => {
  const looks = looking();
  looks.watch.sent();
  await delay(30);
  looks.asked = [];
  looks.watch.sent();
  await delay(10);
  assert.deepEqual(looks.asked, []);
  for (let answer = 0; answer < 8; answer += 1) {
    looks.watch.sent();
    looks.watch.woken();
  }
  looks.watch.sent();
  assert.deepEqual(looks.asked.slice(0, 1), [true]);
  await delay(30);
});

test('nothing is looked for without calls in flight', () => {
  const looks = looking();
  looks.inFlight = 0;
  looks.watch.sent();
  assert.deepEqual(looks.asked, []);
});

test('a single call that is answered at once is waited for where it was sent', () => {
  const looks = looking();
  looks.inFlight = 1;
  // The first look begins the watch.
  looks.finds = 2;
  looks.watch.sent();
  assert.deepEqual(looks.asked, [true, true]);
  looks.inFlight = 0;
});

test('what is not answered at once is not waited for again', async () => {
  const looks = looking();
  looks.inFlight = 1;
  looks.watch.sent();
  const waited = looks.asked.length;
  assert.ok(waited > 1, 'the first call is waited for');
  looks.watch.sent();
  assert.equal(looks.asked.length, waited);
  looks.inFlight = 0;
  await delay(5);
});

test('single calls one after the other leave the event loop its turns', async () => {
  const looks = looking();
  looks.inFlight = 1;
  looks.finds = Number.POSITIVE_INFINITY;
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  const before = performance.now();
  for (let calls = 1; performance.now() - before < 20; calls++) {
    const { length } = looks.asked;
    looks.watch.sent();
    const waited = looks.asked.length > length;
    // A microtask, as between the calls of a loop: no turn of the event loop passes.
    await undefined;
    if (!waited && calls > 1) break;
  }
  assert.ok(performance.now() - before < 10, 'it gave up waiting');
  assert.equal(turned, false);
  looks.inFlight = 0;
  await delay(5);
  assert.equal(turned, true);
});
