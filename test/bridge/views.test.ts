/** JavaScript's memory lent to Python during a synchronous call, and Python's lent to a reply. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NdArray, view } from '../../extension/bridge/codec';
import { BridgeError, ConversionError, PythonError } from '../../extension/bridge/errors';
import { openEmbedded } from './bothHosts';

test('Python reads and writes the memory itself', async (t) => {
  const bridge = await openEmbedded(t);
  const floats = new Float64Array([1, 2.5, -0]);
  assert.deepEqual(bridge.callSync('view_fixture:facts', view(floats)), ['memoryview', 'd', [3], false]);
  assert.equal(bridge.callSync('builtins:sum', view(floats)), 3.5);
  bridge.callSync('view_fixture:fill', view(floats), 7.5);
  assert.deepEqual(floats, new Float64Array([7.5, 7.5, 7.5]));
  const part = new Int16Array(new Int16Array([1, 2, 3, 4]).buffer, 2, 2);
  bridge.callSync('view_fixture:fill', view(part), 9);
  assert.deepEqual(new Int16Array(part.buffer), new Int16Array([1, 9, 9, 4]));
  assert.equal(bridge.callSync('builtins:len', view(new Uint8Array(0))), 0);
});

test('a view that is returned arrives as a copy', async (t) => {
  const bridge = await openEmbedded(t);
  const numbers = new Float64Array(100_000).fill(2);
  const [whole, first, one] = bridge.callSync('view_fixture:give_back', view(numbers)) as Float64Array[];
  numbers.fill(3);
  assert.deepEqual([whole.length, whole[99_999], first, one], [100_000, 2, new Float64Array([2]), 2]);
});

test('a kept view ends with its call', async (t) => {
  const bridge = await openEmbedded(t);
  bridge.callSync('view_fixture:keep', view(new Uint8Array([1, 2])));
  assert.match(String(bridge.callSync('view_fixture:use_kept')), /released/);
});

test('a view that escapes is an error, and its memory stays', async (t) => {
  const bridge = await openEmbedded(t);
  const letEscape = (): void => {
    bridge.callSync('view_fixture:keep_part', view(new Uint8Array([1, 2, 3])));
  };
  assert.throws(letEscape, (error: unknown) => {
    assert.ok(error instanceof BridgeError);
    assert.equal(error.code, 'view-escaped');
    assert.match(error.message, /bytes\(view\)/);
    return true;
  });
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.();
    new Uint8Array(1 << 20).fill(0xff);
  }
  assert.deepEqual(bridge.callSync('view_fixture:use_kept'), [2, 3]);
});

for (const how of ['nosy', 'panic']) {
  test(`regression: a view that escapes with an error stays, also with one that fails when asked (${how})`, async (t) => {
    const bridge = await openEmbedded(t);
    const letEscape = (): unknown =>
      bridge.callSync('view_fixture:keep_part_and_fail', view(new Uint8Array([1, 2, 3])), how);
    assert.throws(letEscape, { code: 'view-escaped' });
    assert.deepEqual(bridge.callSync('view_fixture:use_kept'), [2, 3]);
  });
}

test('an error of the function is told, not what its variables hold', async (t) => {
  const bridge = await openEmbedded(t);
  assert.throws(
    () => bridge.callSync('view_fixture:fail', view(new Uint8Array(5))),
    (error: unknown) => error instanceof PythonError && /with 4 left/.test(error.message),
  );
});

test('asynchronous calls refuse views', async (t) => {
  const bridge = await openEmbedded(t);
  await assert.rejects(async () => bridge.call('builtins:len', [view(new Uint8Array(3))]), ConversionError);
});

test('a large reply leaves its owners free', async (t) => {
  const bridge = await openEmbedded(t);
  const n = 300_000;
  const [bytes, array, memory] = bridge.callSync('view_fixture:large', n) as [Uint8Array, NdArray, NdArray];
  assert.deepEqual([bytes.length, bytes[n - 1], array.data.length, memory.data[5]], [n, 1, n, 2]);
  assert.ok(array instanceof NdArray);
  assert.equal(bridge.callSync('view_fixture:grow'), n + 1);
});
