/** Runs that take more than they may. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BridgeError, CallCancelled } from '../../extension/bridge/errors';
import { endOf, runScript } from '../../extension/conductor/runScript';
import { onBothHosts, openForTest, rejection, SCRIPTS, scratchFolder } from './bothHosts';
import { isGoneWithin } from './children';

const never = new AbortController().signal;

function scriptOf(source: string): string {
  const path = join(scratchFolder(), 'limited.conductor.py');
  writeFileSync(path, source);
  return path;
}

onBothHosts('a script that takes too long is stopped, and the next one runs', async (bridge) => {
  const loops = join(SCRIPTS, 'loops.conductor.py');
  const error = await rejection(runScript(bridge, loops, { limits: { seconds: 0.3 } }));
  assert.ok(error instanceof BridgeError, error.stack);
  assert.equal(error.code, 'time-limit');
  assert.match(error.message, /0\.3 s/);
  assert.ok(error.cause instanceof CallCancelled);
  assert.equal(endOf(error, never).kind, 'failed');
  const hello = scriptOf('print("next")');
  assert.equal((await runScript(bridge, hello, { limits: { seconds: 20 } })).exitCode, 0);
});

onBothHosts(
  'a script that ends well when it is interrupted has taken too long all the same',
  async (bridge) => {
    const patient = scriptOf('import time\ntry:\n    time.sleep(20)\nexcept KeyboardInterrupt:\n    pass\n');
    const error = await rejection(runScript(bridge, patient, { limits: { seconds: 0.3 } }));
    assert.equal((error as BridgeError).code, 'time-limit');
  },
);

test('embedded: a script that cannot be stopped is abandoned at its limit', async (t) => {
  const bridge = await openForTest(t, 'embedded');
  const deaf = scriptOf('import ctypes\nctypes.CDLL(None).sleep(3)\n');
  const error = await rejection(runScript(bridge, deaf, { limits: { seconds: 0.2 } }));
  assert.equal((error as BridgeError).code, 'time-limit');
  assert.equal(endOf(error, never).kind, 'abandoned');
});

test('subprocess: a script that takes too much memory is ended with what it started', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const hungry = scriptOf(
    [
      'import subprocess, sys, time',
      'child = subprocess.Popen([sys.executable, "-c", "x = bytes(1) * (300 << 20); import time; time.sleep(20)"])',
      'print(child.pid, flush=True)',
      'time.sleep(20)',
    ].join('\n'),
  );
  let printed = '';
  bridge.onDidOutput(({ text }) => {
    printed += text;
  });
  const { pid } = bridge.info;
  const error = await rejection(runScript(bridge, hungry, { limits: { mebibytes: 250 } }));
  assert.equal((error as BridgeError).code, 'memory-limit', error.stack);
  assert.match(error.message, /more than their limit of 250 MiB/);
  for (const ended of [pid, Number(printed)]) assert.ok(await isGoneWithin(ended, 2000), `${ended} runs`);
  const modest = scriptOf('print("next")');
  assert.equal((await runScript(bridge, modest, { limits: { mebibytes: 250 } })).exitCode, 0);
});
