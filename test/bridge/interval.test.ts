/** How long a Python thread that computes may keep the interpreter to itself. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { runScript } from '../../extension/conductor/runScript';
import { onBothHosts, openEmbedded, scratchFolder } from './bothHosts';

/** A script that lets threads keep the interpreter for a tenth of a second. */
function selfishScript(): string {
  const path = join(scratchFolder(), 'selfish.conductor.py');
  writeFileSync(path, 'import sys\nsys.setswitchinterval(0.1)\nassert sys.getswitchinterval() > 0.09\n');
  return path;
}

test('embedded: threads give the interpreter up after half a millisecond', async (t) => {
  const bridge = await openEmbedded(t);
  const interval = bridge.callSync<number>('sys:getswitchinterval');
  assert.ok(Math.abs(interval - 0.0005) < 0.000_01, `${interval} s`);
});

onBothHosts('a script leaves no other switch interval behind', async (bridge) => {
  const before = await bridge.call('sys:getswitchinterval');
  await runScript(bridge, selfishScript());
  assert.equal(await bridge.call('sys:getswitchinterval'), before);
});

test('embedded: a synchronous call waits little for a thread that computes, whatever a script has set', async (t) => {
  const bridge = await openEmbedded(t);
  await runScript(bridge, selfishScript());
  const call = bridge.sync('builtins:bool');
  const over = new AbortController();
  const busy = bridge.call('bridge_fixture:spin', [60], { signal: over.signal }).catch(() => {});
  const waits: number[] = [];
  for (let i = 0; i < 21; i++) {
    // The other thread has the interpreter again.
    await delay(3);
    const began = performance.now();
    call();
    waits.push(performance.now() - began);
  }
  over.abort();
  await busy;
  const middle = waits.sort((a, b) => a - b)[10];
  // Half a millisecond is meant, a tenth of a second was set; between them is room for a busy machine.
  assert.ok(middle < 50, `${middle} ms`);
});
