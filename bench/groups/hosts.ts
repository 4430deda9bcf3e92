/**
 * What the subprocess host costs, beside the plain things below it, and how soon Stop ends a script on either host.
 * Nothing is recorded.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOST_CHOICES, type HostChoice } from '../../extension/conductor/host';
import { type Bridge, openBridge } from '../../extension/conductor/openBridge';
import { runScript } from '../../extension/conductor/runScript';
import { BARRED_MS, bestAsync, pipelined } from '../measure';
import { peerTimes } from '../peers';
import { python, root, scripts } from '../python';
import { type Result, result } from '../result';
import { times } from './bridge/calls';

const MANY_BYTES = 64 << 20;
/** 100,000 calls a second. */
const PIPELINED_NS = 1e9 / 100_000;
/** Beyond what the interpreter itself needs. */
const START_MS = 150;
const STOP_MS = 1000;
const ROUNDS = 7;

export async function hosts(): Promise<Result[]> {
  const peers = peerTimes(['pythonia']);
  const folder = mkdtempSync(join(tmpdir(), 'symphony-bench-'));
  const bridge = await openBridge({ host: 'subprocess', python, root, workspace: folder });
  try {
    await bridge.call('sys:path.append', [scripts]);
    const held = await bridge.callRef('bench_target:function', ['nothing']);
    return [
      result(
        'subprocess, no argument, one at a time',
        'ns',
        await bestAsync(() => held(), BARRED_MS),
        times(peers, 'async'),
        [{ times: 0.4, peer: 'pythonia' }],
      ),
      result('subprocess, no argument, 1,000 at once', 'ns', await pipelined(() => held()), {}, [
        { max: PIPELINED_NS },
      ]),
      await manyBytes(bridge, folder),
      await start(folder),
      ...(await stops(folder)),
    ];
  } finally {
    await bridge.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** By turns, so that what else the machine does meets both. */
async function manyBytes(bridge: Bridge, folder: string): Promise<Result> {
  const bytes = new Uint8Array(MANY_BYTES).fill(7);
  const bare = await bareSocket(bytes, join(folder, 'bare.sock'));
  let [ours, theirs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const end = performance.now() + 2 * BARRED_MS;
  while (performance.now() < end) {
    ours = Math.min(ours, await lowest(() => bridge.call('builtins:len', [bytes])));
    theirs = Math.min(theirs, await lowest(bare.round));
  }
  bare.close();
  return result('subprocess, 64 MiB of bytes in', 'ms', ours, { 'bare socket': theirs }, [
    { times: 2, peer: 'bare socket' },
  ]);
}

/** A plain Unix socket: a round lasts until Python has read the bytes from it and said so. */
async function bareSocket(
  bytes: Uint8Array,
  path: string,
): Promise<{ round(): Promise<unknown>; close(): void }> {
  const server = createServer().listen(path);
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const reader = spawn(python, [join(scripts, 'bench_socket.py'), path, String(bytes.length)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [socket] = await connected;
  return {
    round: () => {
      socket.write(bytes);
      return once(socket, 'data');
    },
    close: () => {
      reader.kill();
      server.close();
    },
  };
}

/** From nothing to a bridge that can be called. */
async function start(workspace: string): Promise<Result> {
  const bare = await lowest(async () => spawnSync(python, ['-c', 'pass']));
  const ours = await lowest(async () => {
    const bridge = await openBridge({ host: 'subprocess', python, root, workspace, cacheDir: workspace });
    return () => bridge.close();
  });
  return result('subprocess, start until ready', 'ms', ours, { 'python -c pass': bare }, [
    { max: Math.round(bare + START_MS) },
  ]);
}

async function stops(workspace: string): Promise<Result[]> {
  const script = join(workspace, 'loops.conductor.py');
  writeFileSync(script, 'print("looping", flush=True)\nwhile True:\n    pass\n');
  const rows: Result[] = [];
  for (const host of HOST_CHOICES.filter((choice) => choice !== 'auto')) {
    const took = await stopTime(host, script, workspace);
    rows.push(result(`Stop ends an endless loop, ${host}`, 'ms', took, {}, [{ max: STOP_MS }]));
  }
  return rows;
}

async function stopTime(host: HostChoice, script: string, workspace: string): Promise<number> {
  const bridge = await openBridge({ host, python, root, workspace });
  try {
    const stop = new AbortController();
    const loops = new Promise((resolve) => bridge.onDidOutput(resolve));
    const ended = runScript(bridge, script, { signal: stop.signal }).catch(() => {});
    await loops;
    const began = performance.now();
    stop.abort();
    await ended;
    return performance.now() - began;
  } finally {
    await bridge.close();
  }
}

/** Milliseconds of the quickest round; what a round returns is done after the clock has stopped. */
async function lowest(round: () => Promise<unknown>): Promise<number> {
  let found = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const began = performance.now();
    const after = await round();
    found = Math.min(found, performance.now() - began);
    if (typeof after === 'function') await after();
  }
  return found;
}
