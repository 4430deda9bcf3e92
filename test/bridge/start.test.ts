/** How hosts are chosen and started, and who may connect. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { encodeFrame, NO_PAYLOAD, NO_REFS, PyTuple } from '../../extension/bridge/codec';
import type { BridgeError } from '../../extension/bridge/errors';
import { probeEmbedding } from '../../extension/conductor/embeddingProbe';
import { findInterpreter } from '../../extension/conductor/interpreter';
import { openBridge } from '../../extension/conductor/openBridge';
import { SocketServer } from '../../extension/conductor/socketServer';
import { FrameKind } from '../../extension/protocol/frame';
import { openForTest, rejection, scratchFolder } from './bothHosts';
import { Program, socketFolders } from './children';

const ROOT = join(__dirname, '..', '..');

/** The product without its addon. */
function rootWithoutAddon(): string {
  const root = join(scratchFolder(), 'product');
  mkdirSync(root);
  writeFileSync(join(root, 'package.json'), readFileSync(join(ROOT, 'package.json')));
  for (const part of ['python', '.venv']) symlinkSync(join(ROOT, part), join(root, part));
  return root;
}

function frame(kind: FrameKind, value: unknown): Uint8Array {
  return encodeFrame(
    { kind, id: 0, flags: 0, target: 0, span: 0, parent: 0, sentNs: 0, within: 0 },
    value,
    NO_REFS,
  );
}

/** Sends bytes and tells whether the connection was cut. */
function knock(path: string, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(bytes));
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    setTimeout(() => reject(new Error('still connected')), 5000).unref();
  });
}

test('auto runs embedded where that works, and tells why', async (t) => {
  const lines: string[] = [];
  const bridge = await openForTest(t, 'auto', { log: (line) => lines.push(line) });
  assert.equal(bridge.kind, 'embedded');
  assert.match(bridge.info.reason, /trial start went well/);
  assert.ok(
    lines.some((line) => /^taken: /.test(line)) && lines.some((line) => /^embedding works/.test(line)),
    lines.join('\n'),
  );
});

test('auto falls back to a child process and keeps the reason; embedded refuses with it', async (t) => {
  const root = rootWithoutAddon();
  const bridge = await openForTest(t, 'auto', { root });
  assert.equal(bridge.kind, 'subprocess');
  assert.match(bridge.info.reason, /addon is not built/);
  const error = (await rejection(openBridge({ host: 'embedded', root }))) as BridgeError;
  assert.equal(error.code, 'embedding-unavailable');
  assert.ok(error.hint);
});

test('a library that cannot be embedded fails in the trial, not here', async () => {
  const { facts } = await findInterpreter({ root: ROOT });
  const wrong = join(scratchFolder(), 'libpython.so');
  writeFileSync(wrong, 'no library');
  const verdict = await probeEmbedding(ROOT, { ...facts, libpython: wrong });
  assert.equal(verdict.ok, false);
  assert.match(verdict.reason, /trial start failed/);
  assert.match((await probeEmbedding(ROOT, { ...facts, libpython: null })).reason, /no shared library/);
});

test('a good trial is remembered, a bad one tried again', async () => {
  const { facts } = await findInterpreter({ root: ROOT });
  const cacheDir = join(scratchFolder(), 'cache');
  const kept = join(cacheDir, 'embedding.json');
  const bad = { ...facts, libpython: join(scratchFolder(), 'libpython.so') };
  writeFileSync(bad.libpython, 'no library');
  assert.equal((await probeEmbedding(ROOT, bad, cacheDir)).ok, false);
  assert.equal(existsSync(kept), false);
  assert.equal((await probeEmbedding(ROOT, facts, cacheDir)).ok, true);
  const [key, ...others] = Object.keys(JSON.parse(readFileSync(kept, 'utf8')));
  assert.deepEqual(others, []);
  // Only what is read here can give this reason: a second trial would give its own.
  writeFileSync(kept, JSON.stringify({ [key]: 'remembered' }));
  assert.deepEqual(await probeEmbedding(ROOT, facts, cacheDir), { ok: true, reason: 'remembered' });
});

test('a child that ends before it is ready is told with its words, and leaves nothing', async (t) => {
  const { facts } = await findInterpreter({ root: ROOT });
  const folder = scratchFolder();
  const temporary = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  t.after(() => {
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
  });
  const broken = join(folder, 'python');
  // Answers the probe, and fails at everything else.
  writeFileSync(
    broken,
    `#!/bin/sh\n[ "$1" = -c ] && exec ${facts.path} "$@"\necho 'the disk is on fire' >&2\nexit 9\n`,
  );
  chmodSync(broken, 0o755);
  const error = (await rejection(openBridge({ host: 'subprocess', python: broken }))) as BridgeError;
  assert.equal(error.code, 'start-failed');
  assert.match(error.message, /exit code 9/);
  assert.deepEqual(error.notes, ['the disk is on fire']);
  assert.deepEqual(socketFolders(folder), []);
});

test('only who shows the token gets in; the folder is private and gone afterwards', async () => {
  const server = await SocketServer.listen();
  const folder = dirname(server.path);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(server.path).mode & 0o777, 0o600);
  let arrived = false;
  const connection = server.connection().then((transport) => {
    arrived = true;
    return transport;
  });
  await knock(server.path, frame(FrameKind.HELLO, PyTuple.of('0'.repeat(64))));
  await knock(server.path, frame(FrameKind.HELLO, PyTuple.of(server.token.slice(1))));
  await knock(server.path, frame(FrameKind.HELLO, null));
  await knock(server.path, frame(FrameKind.CALL, PyTuple.of(server.token)));
  await knock(server.path, frame(FrameKind.PING, NO_PAYLOAD));
  await knock(server.path, Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'));
  await knock(server.path, new Uint8Array(100_000).fill(1));
  // The length of a frame of a gigabyte, and nothing behind it: no room is made for it.
  await knock(server.path, Uint8Array.of(0, 0, 0, 0x40, FrameKind.HELLO, 0, 1, 0));
  assert.equal(arrived, false);
  const child = connect(server.path);
  const greeting = Buffer.concat([
    frame(FrameKind.HELLO, PyTuple.of(server.token)),
    frame(FrameKind.PING, NO_PAYLOAD),
  ]);
  // In two pieces, as a stream may deliver it.
  child.write(greeting.subarray(0, 70), () => setTimeout(() => child.write(greeting.subarray(70)), 20));
  const transport = await connection;
  const first = await new Promise<Uint8Array>((resolve) => transport.onData(resolve));
  assert.deepEqual(Uint8Array.from(first), frame(FrameKind.PING, NO_PAYLOAD));
  assert.equal(existsSync(folder), false);
  transport.destroy();
  child.destroy();
});

test('a temporary folder with a very long name does not matter', async () => {
  const long = join(scratchFolder(), 'x'.repeat(120));
  mkdirSync(long);
  const ended = await new Program('test/bridge/lifeProgram.ts', ['subprocess', 'close'], { TMPDIR: long })
    .ended;
  assert.equal(ended.code, 0, ended.stderr);
});
