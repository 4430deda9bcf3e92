/** Objects of `object_fixture`, which logs what becomes of them. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { PyObject } from '../../extension/bridge/refs';
import type { Bridge } from '../../extension/conductor/openBridge';

/** The fixture's module with an empty log. */
export async function objectFixture(bridge: Bridge): Promise<PyObject> {
  const fixture = await bridge.import('object_fixture');
  await fixture.take_log();
  return fixture;
}

/** Waits until Python holds and is held by nothing any more but what lives long. */
export async function nothingLeft(fixture: PyObject): Promise<void> {
  for (let i = 0; i < 200; i++) {
    global.gc?.();
    await delay(10);
    const left = [...(await fixture.live('python')), ...(await fixture.live('typescript'))];
    if (left.length === 0) return;
    if (i === 199) assert.deepEqual(left, []);
  }
}
