/** Many mixed calls leave no handle behind, and memory stays on a plateau. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { view } from '../../extension/bridge/codec';
import type { PyObject } from '../../extension/bridge/refs';
import type { Bridge, EmbeddedBridge } from '../../extension/conductor/openBridge';
import { HOSTS, openForTest, rejection } from '../bridge/bothHosts';

/** Both runtimes go on compiling, and their heaps grow to what they need, for as many calls as are made after that. */
/** The long form, `npm run soak`, makes 20,000,000 in this process, and a twentieth of that in a child. */
const LONG = process.env.SYMPHONY_SOAK_CALLS;
const CALLS = Number(LONG ?? 100_000);
/** Until V8 has compiled what is hot, and threads have their share of memory: that goes on, ever more slowly. */
const LEAST_WARM_UP = 150_000;
/** Every kind of call is in one round of so many; the plain ones make up the rest. */
const EVERY_NTH_ROUND = LONG === undefined ? 1 : 20;
const PLAIN_CALLS = 50;
const MAX_GROWTH = 2 * 1024 * 1024;
const SAMPLES = 60;
/** On a slow machine the warm-up may not have been enough: then the plateau has to come behind the first of these. */
const WINDOWS = LONG === undefined ? 3 : 1;

interface Soaked {
  bridge: Bridge;
  fixture: PyObject;
  /** Where Python is in this process. */
  sync: EmbeddedBridge | null;
  made: number;
}

/** What is cheap, at once; counts what it makes. */
async function plainRound(soaked: Soaked): Promise<void> {
  const { bridge, sync } = soaked;
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < PLAIN_CALLS; i++)
    calls.push(bridge.call('bridge_fixture:echo', [i, 'text', [1.5, null]]));
  await Promise.all(calls);
  if (sync) for (let i = 0; i < PLAIN_CALLS; i++) sync.callSync('bridge_fixture:echo', i, { a: 1 });
  soaked.made += sync ? 2 * PLAIN_CALLS : PLAIN_CALLS;
}

/** Every other way of calling, both ways, with all that can be held. */
async function mixedRound(soaked: Soaked): Promise<void> {
  const { bridge, fixture, sync } = soaked;
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < 5; i++) calls.push(bridge.call('asyncio:sleep', [0]));
  for (let i = 0; i < 5; i++) calls.push(bridge.call('bridge_fixture:call_host', ['soak.double', i]));
  for (let i = 0; i < 2; i++) calls.push(rejection(bridge.call('bridge_fixture:fail', ['on purpose'])));
  const cancelled = new AbortController();
  calls.push(rejection(bridge.call('asyncio:sleep', [30], { signal: cancelled.signal })));
  using held = await bridge.callRef('builtins:dict');
  calls.push(held.update({ key: 'value' }));
  calls.push(bridge.call('bridge_fixture:samples'));
  calls.push(bridge.call('builtins:len', [new Uint8Array(100_000)]));
  cancelled.abort();
  await Promise.all(calls);
  // An object and a function that Python holds for a while, and one of Python's that comes inside a result.
  const given = [{ pen: new Map([[1, 'x']]) }, (x: number) => x].map(counted);
  const [shelf] = (await fixture.give(...given)) as [PyObject];
  shelf[Symbol.dispose]();
  // Streams of either language, left half-way.
  for await (const number of (await fixture.count(3)) as AsyncIterable<number>) if (number === 1) break;
  await fixture.sum_of(
    counted(function* () {
      yield* [1, 2, 3];
    }),
  );
  await fixture.take_log();
  soaked.made += 24;
  if (!sync) return;
  sync.callSync('builtins:len', view(new Uint8Array(1000)));
  sync.callSync(fixture.call_with_object, (given: PyObject) => given[Symbol.dispose]());
  sync.callSync(fixture.take_log);
  soaked.made += 4;
}

/** Objects of ours that Python was given and that still live: nothing else holds them. */
let living = 0;
const gone = new FinalizationRegistry<null>(() => {
  living -= 1;
});

function counted<T extends object>(given: T): T {
  living += 1;
  gone.register(given, null);
  return given;
}

/**
 * Handles that are open, in Python's table: of both languages, those that live long too; and objects of ours that live.
 * What both collectors find is released a moment later, so it looks again while there are more than `usual`.
 */
async function openHandles(bridge: Bridge, usual = 0): Promise<number> {
  let open = 0;
  for (let look = 0; look < 50; look++) {
    globalThis.gc?.();
    await bridge.call('gc:collect');
    open = living + (await bridge.call<unknown[]>('symphony_bridge._control:handles')).length;
    if (open <= usual) break;
    await delay(20);
  }
  return open;
}

/**
 * Resident memory of this process, and of the one where Python is, in bytes, after both collectors ran. Where Python is,
 * malloc gives back what it kept of freed memory, which goes up and down by megabytes.
 */
async function memory(bridge: Bridge): Promise<number> {
  globalThis.gc?.();
  await bridge.call('gc:collect');
  using libc = await bridge.callRef('ctypes:CDLL', [null]);
  await libc.malloc_trim(0);
  const there = await bridge.call<number>('bridge_fixture:resident_bytes');
  return bridge.kind === 'embedded' ? there : there + residentHere();
}

function residentHere(): number {
  const [, pages] = readFileSync('/proc/self/statm', 'utf8').split(' ');
  return Number(pages) * 4096;
}

for (const host of HOSTS) {
  const calls = LONG !== undefined && host === 'subprocess' ? CALLS / 20 : CALLS;
  test(`${host}: ${calls} mixed calls`, async (t) => {
    const bridge = await openForTest(t, host);
    bridge.expose('soak', { double: (value: number) => value * 2 });
    const fixture = await bridge.import('object_fixture');
    const sync = host === 'embedded' ? (bridge as EmbeddedBridge) : null;
    const soaked: Soaked = { bridge, fixture, sync, made: 0 };
    const make = async (count: number): Promise<void> => {
      const end = soaked.made + count;
      for (let i = 0; soaked.made < end; i++) {
        await plainRound(soaked);
        if (i % EVERY_NTH_ROUND === 0) await mixedRound(soaked);
      }
    };
    await make(Math.max(LEAST_WARM_UP, calls / 10));
    const before = await openHandles(bridge);
    let growth = Number.POSITIVE_INFINITY;
    let samples: number[] = [];
    for (let window = 0; window < WINDOWS && growth >= MAX_GROWTH; window++) {
      samples = [];
      for (let i = 0; i < SAMPLES; i++) {
        await make(calls / SAMPLES);
        samples.push(await memory(bridge));
        assert.ok((await openHandles(bridge, before)) <= before, `more than the ${before} handles of before`);
      }
      // Single samples swing by more than the bar, as both collectors give pages back when they like: what leaks raises
      // the line through all of them.
      growth = slope(samples) * SAMPLES;
    }
    t.diagnostic(`memory grew by ${(growth / 1024).toFixed(0)} KiB, handles ${before} as before`);
    assert.ok(growth < MAX_GROWTH, `memory grew by ${growth} bytes: ${samples}`);
  });
}

/** Of the line that fits best, by the median of the slopes between all pairs (Theil–Sen): some may swing as they like. */
function slope(values: readonly number[]): number {
  const slopes = values.flatMap((a, i) => values.slice(i + 1).map((b, k) => (b - a) / (k + 1)));
  slopes.sort((a, b) => a - b);
  return slopes[Math.floor(slopes.length / 2)];
}
