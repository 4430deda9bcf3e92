/** The bytes of the Debug Adapter Protocol, and the link to the debug server over a real socket. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import {
  type Event,
  encodeMessage,
  MessageDecoder,
  type Request,
  type Response,
} from '../../extension/debug/dap';
import { ServerLink } from '../../extension/debug/serverLink';

function event(name: string, body: unknown): Event {
  return { seq: 1, type: 'event', event: name, body };
}

test('messages survive any chunking, also inside a character', () => {
  const messages = [event('output', { output: 'größe 🎼\n' }), event('stopped', { reason: 'breakpoint' })];
  const bytes = Buffer.concat(messages.map(encodeMessage));
  for (const size of [1, 7, 1000]) {
    const decoder = new MessageDecoder();
    const seen: unknown[] = [];
    for (let start = 0; start < bytes.length; start += size)
      seen.push(...decoder.push(bytes.subarray(start, start + size)));
    assert.deepEqual(seen, messages);
  }
});

test('a stream that is something else is refused', () => {
  assert.throws(
    () => new MessageDecoder().push(Buffer.from('GET / HTTP/1.1\r\n\r\n')),
    /not the debug adapter protocol/,
  );
  assert.throws(() => new MessageDecoder().push(Buffer.alloc(5000, 'x')), /no header/);
});

/** The debug server's end of a link: answers `pydevdAuthorize` with a token, and echoes other requests. */
async function serverEnd(port: number, token: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  const decoder = new MessageDecoder();
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    for (const message of decoder.push(chunk) as Request[]) {
      const body =
        message.command === 'pydevdAuthorize' ? { clientAccessToken: token } : { echo: message.arguments };
      const answer: Response = {
        seq: 1,
        type: 'response',
        request_seq: message.seq,
        command: message.command,
        success: true,
        body,
      };
      socket.write(encodeMessage(answer));
    }
  });
  return socket;
}

test('a stranger on the debug port is dropped, our child is taken', async () => {
  const link = await ServerLink.listen(() => undefined);
  const accepted = link.accept(5000);
  const stranger = await serverEnd(link.address.port, 'a guess');
  await once(stranger, 'close');
  const child = await serverEnd(link.address.port, link.address.token);
  await accepted;
  const answer = await link.request('evaluate', { expression: '1' });
  assert.deepEqual(answer.body, { echo: { expression: '1' } });
  link.close();
  await once(child, 'close');
});

test('nobody connecting is an error after the time limit', async () => {
  const link = await ServerLink.listen(() => undefined);
  await assert.rejects(link.accept(50), /did not connect within 0.05 s/);
  link.close();
});

test('requests under way fail when the server goes away', async () => {
  const link = await ServerLink.listen(() => undefined);
  const accepted = link.accept(5000);
  const child = await serverEnd(link.address.port, link.address.token);
  await accepted;
  child.removeAllListeners('data');
  const request = link.request('threads');
  child.destroy();
  await assert.rejects(request, /closed the connection/);
  link.close();
});
