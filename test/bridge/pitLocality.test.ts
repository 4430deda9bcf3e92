/** The Pit of a child is the child's own: its operations cross no socket, and what lasts is shared by the Pit home. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Bridge } from '../../extension/conductor/openBridge';
import { openForTest, scratchFolder } from './bothHosts';

/** Far more than would fit, unseen, into what a call itself may vary by. */
const ROUNDS = 20;

/** Bytes over the child's socket, both ways, during a call; it has the same length however many rounds it makes. */
async function bytesOf(bridge: Bridge, name: string, args: unknown[], rounds: number): Promise<number> {
  const host = bridge.host as unknown as { current: { transport: { socket: Socket } } };
  const { socket } = host.current.transport;
  const before = socket.bytesRead + socket.bytesWritten;
  await bridge.call(`pit_traffic_fixture:${name}`, [...args, rounds]);
  return socket.bytesRead + socket.bytesWritten - before;
}

test('every operation of the Pit, in both forms, sends nothing over the socket', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const described = await bridge.call<{ name: string }[]>('symphony_bridge._operations:operations');
  const names = described.map(({ name }) => name);
  assert.deepEqual(await bridge.call('pit_traffic_fixture:operations'), names, 'all of them are here');
  for (const form of ['perform', 'perform_async']) {
    for (const name of names) {
      const none = await bytesOf(bridge, form, [name], 0);
      assert.ok(none > 0, 'the call itself is seen');
      assert.equal(await bytesOf(bridge, form, [name], ROUNDS), none, `${name}, ${form}`);
    }
  }
});

test('what a child asks of the editor is seen on the socket', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const asked = [() => 1];
  assert.ok((await bytesOf(bridge, 'ask', asked, ROUNDS)) > (await bytesOf(bridge, 'ask', asked, 0)));
});

test('children of two bridges share what lasts by the Pit home, and nothing else', async (t) => {
  const pitHome = join(scratchFolder(), 'pit');
  const [one, other] = await Promise.all([1, 2].map(() => openForTest(t, 'subprocess', { pitHome })));
  const page = await one.call('symphony_bridge.pit:store_artifact', ['page']);
  const content = await other.call<Uint8Array>('symphony_bridge.pit:retrieve_artifact', [page]);
  assert.equal(Buffer.from(content).toString(), 'page');
  await one.call('symphony_bridge.pit:arbitration.create_policy', ['cheap', { max_cost: 1 }]);
  const policy = await other.callRef('symphony_bridge.pit:get_policy', ['cheap']);
  assert.equal(await other.call('builtins:getattr', [policy, 'name']), 'cheap');
  // Models are objects of a process.
  await one.call('builtins:exec', ['from symphony_bridge import pit\npit.pool.register("m", object)']);
  await assert.rejects(other.call('symphony_bridge.pit:allocate_model', ['m']), { code: 'pit-not-found' });
});
