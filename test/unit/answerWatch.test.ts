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
  inFlight: boolean;
}

function looking(): Looks {
  const looks = { asked: [] as boolean[], finds: 0, inFlight: true } as Looks;
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
  looks.inFlight = false;
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
  looks.inFlight = false;
  looks.watch.sent();
  assert.deepEqual(looks.asked, []);
});
