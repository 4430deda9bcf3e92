/** Faults there have been: each test is named for one. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { addonPaths } from '../../extension/bridge/addon';
import { type BridgeError, CallCancelled } from '../../extension/bridge/errors';
import type { Bridge } from '../../extension/conductor/openBridge';
import { runScript } from '../../extension/conductor/runScript';
import { onBothHosts, openEmbedded, openForTest, recordOutput, rejection, scratchFolder } from './bothHosts';

const ROOT = join(__dirname, '..', '..');

async function runText(bridge: Bridge, text: string, signal?: AbortSignal) {
  const path = join(scratchFolder(), 'fault.conductor.py');
  writeFileSync(path, text);
  return runScript(bridge, path, { signal });
}

for (const name of ['exit_in_a_task', 'interrupt_in_a_task']) {
  onBothHosts(`the event loop outlives ${name}`, async (bridge) => {
    const error = (await rejection(bridge.call(`fault_fixture:${name}`))) as BridgeError;
    assert.equal(error.code, 'python-exception', error.stack);
    assert.equal(await bridge.call('bridge_fixture:add_async', [20, 22], { deadlineMs: 5000 }), 42);
  });
}

onBothHosts('a task that keeps the event loop busy is stopped', async (bridge) => {
  const began = performance.now();
  const error = await rejection(bridge.call('fault_fixture:spin_in_a_task', [20], { deadlineMs: 200 }));
  assert.ok(error instanceof CallCancelled, error.stack);
  assert.ok(performance.now() - began < 2000);
  assert.equal(await bridge.call('bridge_fixture:add_async', [20, 22]), 42);
});

onBothHosts('a cancelled task whose clean-up keeps the event loop busy is stopped', async (bridge) => {
  const began = performance.now();
  const error = await rejection(bridge.call('fault_fixture:spin_in_clean_up', [20], { deadlineMs: 200 }));
  assert.ok(error instanceof CallCancelled, error.stack);
  assert.ok(performance.now() - began < 10_000);
  assert.equal(await bridge.call('bridge_fixture:add_async', [20, 22]), 42);
});

onBothHosts('a call is cancelled while its module is being imported', async (bridge) => {
  const began = performance.now();
  const error = await rejection(bridge.call('endless_import_fixture:late', [], { deadlineMs: 300 }));
  assert.ok(error instanceof CallCancelled, error.stack);
  assert.ok(performance.now() - began < 10_000);
  assert.equal(await bridge.call('bridge_fixture:add_async', [20, 22]), 42);
});

onBothHosts('a task that blocks the event loop is given up with its stack', async (bridge) => {
  const error = await rejection(bridge.call('fault_fixture:sleep_in_a_task', [2], { deadlineMs: 200 }));
  assert.equal((error as BridgeError).code, 'abandoned', error.stack);
  assert.match(error.message, /sleep_in_a_task/);
  assert.equal(await bridge.call('bridge_fixture:add_async', [20, 22]), 42);
});

onBothHosts('cleaning up after a cancelled wait is not interrupted at once', async (bridge) => {
  bridge.expose('editor', { forever: () => new Promise(() => {}) });
  for (const mainThread of [false, true]) {
    const options = { deadlineMs: 100, mainThread };
    const error = await rejection(bridge.call('fault_fixture:wait_and_clean_up', [], options));
    assert.ok(error instanceof CallCancelled, error.stack);
    assert.equal(await bridge.call('fault_fixture:call_kept', [0]), 'cleaned up');
    await bridge.call('fault_fixture:drop_kept', [0]);
  }
});

onBothHosts('a long job does not hold up the short ones', async (bridge) => {
  const long = bridge.call('bridge_fixture:sleep', [1]);
  await delay(50);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 100; round += 1) {
    const began = performance.now();
    await bridge.call('math:floor', [2.5]);
    best = Math.min(best, performance.now() - began);
  }
  // Waiting to see whether the other thread comes back takes a millisecond.
  assert.ok(best < 1, `${best} ms`);
  await long;
});

onBothHosts('a fork of the process neither waits for the editor nor serves it', async (bridge) => {
  assert.equal(await bridge.call('fault_fixture:fork_and_ask'), 0);
  assert.equal(await bridge.call('fault_fixture:fork_and_return'), 0);
  assert.equal(await bridge.call('bridge_fixture:add_async', [20, 22]), 42);
});

for (const name of ['panic', 'panic_in_a_task', 'panic_in_the_message']) {
  onBothHosts(`a ${name} is answered, and its thread lives on`, async (bridge) => {
    await rejection(bridge.call('bridge_fixture:fail', ['so that the class exists']));
    for (let round = 0; round < 6; round += 1) {
      const error = (await rejection(
        bridge.call(`fault_fixture:${name}`, [], { deadlineMs: 5000 }),
      )) as BridgeError;
      if (name === 'panic_in_the_message') assert.match(error.message, /str\(\) raised .*PanicException/);
      else
        assert.deepEqual([error.code, error.message], ['native-panic', 'the native side failed: on purpose']);
    }
    assert.equal(await bridge.call('bridge_fixture:add_async', [20, 22]), 42);
  });
}

test('embedded: a panic in a synchronous call is thrown', async (t) => {
  const bridge = await openEmbedded(t);
  await rejection(bridge.call('bridge_fixture:fail', ['so that the class exists']));
  assert.throws(() => bridge.callSync('fault_fixture:panic'), /native side failed/);
  assert.equal(bridge.callSync('math:floor', 2.5), 2);
});

onBothHosts('what cannot become a task is answered', async (bridge) => {
  const error = await rejection(bridge.call('fault_fixture:not_really_awaitable', [], { deadlineMs: 5000 }));
  assert.match(error.message, /awaitable|coroutine/i, error.stack);
});

onBothHosts('a question without an event loop is not asked', async (bridge) => {
  let asked = 0;
  bridge.expose('editor', { count: () => ++asked });
  const error = await rejection(bridge.call('fault_fixture:ask_without_a_loop'));
  assert.match(error.message, /no running event loop/);
  assert.equal(await bridge.call('math:floor', [2.5]), 2);
  assert.equal(asked, 0);
});

test('subprocess: a call that is cancelled before it starts gives back the functions passed to it', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const { held } = (bridge.host.session as unknown as { hostCalls: { held: Map<number, unknown> } })
    .hostCalls;
  const busy = bridge.call('bridge_fixture:sleep', [0.3], { mainThread: true });
  const stop = new AbortController();
  const late = rejection(
    bridge.call('fault_fixture:keep', [() => 1], { mainThread: true, signal: stop.signal }),
  );
  await delay(50);
  assert.equal(held.size, 1);
  stop.abort();
  await busy;
  assert.ok((await late) instanceof CallCancelled);
  await bridge.call('gc:collect');
  assert.equal(held.size, 0);
});

test('embedded: a function of the last session is not taken for one of this session', async (t) => {
  const bridge = await openForTest(t, 'embedded');
  await bridge.call('fault_fixture:keep', [() => 'old']);
  await bridge.restart();
  await bridge.call('fault_fixture:keep', [() => 'new']);
  assert.equal(
    ((await rejection(bridge.call('fault_fixture:call_kept', [0]))) as BridgeError).code,
    'closed',
  );
  assert.equal(
    ((await rejection(bridge.call('fault_fixture:give_back', [0]))) as BridgeError).code,
    'closed',
  );
  await bridge.call('fault_fixture:drop_kept', [0]);
  await bridge.call('gc:collect');
  assert.equal(await bridge.call('fault_fixture:call_kept', [0]), 'new');
});

onBothHosts('a script that closes or replaces its streams does not silence the next one', async (bridge) => {
  const output = recordOutput(bridge);
  const closing = 'import sys\nprint("first")\nsys.stdout.close()\nsys.stderr.close()\n';
  assert.equal((await runText(bridge, closing)).exitCode, 0);
  const replacing =
    'import io, sys\nsys.stdout = io.StringIO()\nsys.stderr = None\nprint("unseen")\nsys.exit("no")\n';
  assert.equal((await runText(bridge, replacing)).exitCode, 1);
  assert.equal((await runText(bridge, 'print("last")\n')).exitCode, 0);
  assert.equal(output.stdout, 'first\nlast\n');
});

onBothHosts('standard input is empty, for a script and its children', async (bridge) => {
  const output = recordOutput(bridge);
  await runText(
    bridge,
    'import subprocess, sys\nprint(repr(sys.stdin.read()))\nprint(subprocess.run(["cat"], capture_output=True).stdout)\n',
    AbortSignal.timeout(10_000),
  );
  assert.equal(output.stdout, "''\nb''\n");
});

test('subprocess: a script that ignores interruptions does not make the next one deaf', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  await runText(bridge, 'import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n');
  const { pid } = bridge.info;
  const stop = new AbortController();
  const looping = rejection(runText(bridge, 'while True:\n    pass\n', stop.signal));
  await delay(200);
  stop.abort();
  assert.ok((await looping) instanceof CallCancelled);
  assert.equal(bridge.info.pid, pid);
});

test('subprocess: an interruption that comes between two jobs hits neither', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  await bridge.call('os:kill', [bridge.info.pid, 2]);
  assert.equal(await bridge.call('bridge_fixture:echo', [1], { mainThread: true }), 1);
});

test("embedded: another environment of the process gets nothing of the first one's", async (t) => {
  const bridge = await openEmbedded(t);
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const addon = require(workerData);
    const refused = [];
    for (const [name, ...args] of [
      ['connect', () => {}], ['submit', new Uint8Array(64)], ['callSync'], ['takeReply'],
      ['scratch', new Int32Array(8), new Float64Array(8), new Uint8Array(8),
        new Int32Array(8), new Float64Array(8), new Uint8Array(8), new Float64Array(11)],
    ]) {
      try { addon[name](...args); } catch { refused.push(name); }
    }
    addon.close();
    parentPort.postMessage(refused);
  `;
  const worker = new Worker(source, { eval: true, workerData: addonPaths(ROOT).addon });
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const refused = await new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  await exited;
  assert.deepEqual(refused, ['connect', 'submit', 'callSync', 'takeReply', 'scratch']);
  assert.equal(await bridge.call('math:floor', [2.5]), 2);
  assert.equal(bridge.callSync('math:floor', 2.5), 2);
});
