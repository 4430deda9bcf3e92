/**
 * Each handle tells the line that made it, whichever way it went and whether calls are recorded or not: TypeScript's
 * line where TypeScript calls, Python's where Python does.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type PyObject, value } from '../../extension/bridge/refs';
import type { Bridge, EmbeddedBridge } from '../../extension/conductor/openBridge';
import { openEmbedded, openForTest, scratchFolder, thrown } from './bothHosts';
import { objectFixture } from './objectFixture';

const OURS = /origins\.test\.ts:\d+$/;
const PYTHONS = /object_fixture\.py:\d+$/;

/** A line may be told a moment after its handle was made. */
async function assertSites(fixture: PyObject, kind: string, expected: readonly RegExp[]): Promise<void> {
  const isTold = (sites: string[]): boolean =>
    sites.length === expected.length && expected.every((line, i) => line.test(sites[i]));
  let sites: string[] = [];
  for (let i = 0; i < 100; i++) {
    sites = (await fixture.sites(kind)) as string[];
    if (isTold(sites)) return;
    await delay(20);
  }
  assert.fail(`${kind}: ${JSON.stringify(sites)} instead of ${expected.join(', ')}`);
}

/** A process records from its start on or not at all: this one, where Python is embedded, does not. */
const CASES = [
  { host: 'embedded', recorded: false },
  { host: 'subprocess', recorded: false },
  { host: 'subprocess', recorded: true },
] as const;

for (const { host, recorded } of CASES) {
  const name = `${host}, ${recorded ? 'recorded' : 'not recorded'}`;
  const open = (t: TestContext): Promise<Bridge> =>
    openForTest(t, host, { traceFile: recorded ? join(scratchFolder(), 'origins.symtrace') : null });

  test(`${name}: what a call gives and takes`, async (t) => {
    const bridge = await open(t);
    const fixture = await objectFixture(bridge);
    const [shelf] = (await fixture.give(() => 1, { inside: () => 2 })) as [PyObject];
    await assertSites(fixture, 'typescript', [OURS, OURS]);
    await assertSites(fixture, 'python', [OURS]);
    shelf[Symbol.dispose]();
    await fixture.take_log();
  });

  test(`${name}: what a call back gives and takes`, async (t) => {
    const bridge = await open(t);
    const fixture = await objectFixture(bridge);
    const shelves: PyObject[] = [];
    await fixture.call_with_object((shelf: PyObject) => {
      shelves.push(shelf);
      return () => 3;
    });
    await assertSites(fixture, 'typescript', [PYTHONS]);
    await assertSites(fixture, 'python', [PYTHONS]);
    await fixture.take_log();
  });
}

test('a synchronous call, and what it calls back', async (t) => {
  const bridge: EmbeddedBridge = await openEmbedded(t);
  const fixture = await objectFixture(bridge);
  const held: unknown[] = [];
  held.push(bridge.callSync(fixture.give, () => 1));
  held.push(bridge.sync<unknown>(await value<PyObject>(fixture.give))());
  bridge.callSync(fixture.call_with_object, (shelf: PyObject) => {
    held.push(shelf);
    return () => 2;
  });
  await assertSites(fixture, 'typescript', [OURS, PYTHONS]);
  await assertSites(fixture, 'python', [OURS, OURS, OURS, PYTHONS]);
  assert.equal(held.length, 3);
  await fixture.take_log();
});

test('regression: an object that came inside a result says where it was made', async (t) => {
  const bridge = await openEmbedded(t);
  const fixture = await objectFixture(bridge);
  for (const [shelf] of [await fixture.give(), bridge.callSync(fixture.give)] as [PyObject][]) {
    shelf[Symbol.dispose]();
    const error = thrown(() => bridge.callSync('builtins:len', shelf));
    assert.match(String(error.hint), /made at .*origins\.test\.ts:\d+;/);
  }
});
