/** A connection that is cut at any byte of a frame: what came whole is delivered, the rest is not, and the end is told. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { encodeFrame, NO_PAYLOAD, NO_REFS } from '../../extension/bridge/codec';
import { SocketServer } from '../../extension/conductor/socketServer';
import { FrameKind } from '../../extension/protocol/frame';

const frame = (kind: FrameKind, payload: unknown): Uint8Array =>
  encodeFrame(
    { kind, flags: 0, id: 1, target: 0, span: 0, parent: 0, sentNs: 0, within: 0 },
    payload,
    NO_REFS,
  );

const first = frame(FrameKind.PONG, NO_PAYLOAD);
const second = frame(FrameKind.EVENT, ['name', { text: 'of some length', bytes: new Uint8Array(20) }]);

/** Bytes that are delivered when the connection ends after `length` bytes of the second frame. */
async function deliveredUpTo(length: number): Promise<number> {
  const server = await SocketServer.listen();
  const child = connect(server.path);
  child.write(frame(FrameKind.HELLO, [server.token]));
  child.write(first);
  child.end(second.subarray(0, length));
  const transport = await server.connection();
  let delivered = 0;
  transport.onData((frames) => {
    delivered += frames.length;
  });
  await new Promise<void>((resolve) => transport.onClose(resolve));
  return delivered;
}

test('a connection is cut at every byte of a frame', async () => {
  for (let length = 0; length < second.length; length++) {
    assert.equal(await deliveredUpTo(length), first.length, `cut at byte ${length}`);
  }
  assert.equal(await deliveredUpTo(second.length), first.length + second.length);
});
