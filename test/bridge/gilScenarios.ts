/**
 * Purpose: scenarios of deadlockProgram.ts in which JavaScript or Rust waits while others need the GIL.
 * Threads: JavaScript main thread only.
 * Must not know: what is expected of them.
 */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { view } from '../../extension/bridge/codec';
import type { EmbeddedBridge } from '../../extension/conductor/openBridge';

const MODULE = 'gil_fixture';

export type Scenario = (bridge: EmbeddedBridge) => unknown;

export const gilScenarios: Record<string, Scenario> = {
  'wait-beside-a-computation': (bridge) => {
    bridge.expose('desk', { count: (rounds: number) => bridge.call(`${MODULE}:count`, [rounds]) });
    return bridge.call(`${MODULE}:call`, ['count', 3_000_000]);
  },
  'callback-beside-a-computation': (bridge) => {
    const counter = new Int32Array(1);
    const waits = (): boolean => {
      const enough = Atomics.load(counter, 0) + 10_000;
      const until = Date.now() + 20_000;
      while (Date.now() < until && Atomics.load(counter, 0) < enough);
      return Atomics.load(counter, 0) >= enough;
    };
    return bridge.callSync(`${MODULE}:call_while_counting`, waits, view(counter));
  },
  'garbage-beside-the-gil': async (bridge) => {
    await leaveGarbage(bridge, 500);
    const holder = bridge.call(`${MODULE}:hold`, [4]);
    await untilSilent(bridge);
    const began = performance.now();
    while (collected < 400 && performance.now() - began < 10_000) {
      collectGarbage();
      await turn();
    }
    // The bridge's own finalizers have turns of their own.
    await delay(50);
    const took = performance.now() - began;
    await holder;
    return took < 2000 ? 'collected' : `${collected} of 500 in ${took} ms`;
  },
  'wait-in-rust': (bridge) => bridge.callSync(`${MODULE}:allocate_what_a_thread_gives_back`),
  'locks-of-rust': async (bridge) => {
    const answer = (n: number): number => n;
    const work = Array.from({ length: 3 }, () => bridge.call<number>(`${MODULE}:use_the_pit`, [30, answer]));
    const mine = bridge.callSync<number>(`${MODULE}:use_the_pit`, 30, answer);
    for (let i = 0; i < 100; i++) (await bridge.callRef(`${MODULE}:LooksWhenItDies`))[Symbol.dispose]();
    return [mine, ...(await Promise.all(work)), await bridge.call(`${MODULE}:looks`, [100])];
  },
};

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let collected = 0;
const registry = new FinalizationRegistry(() => {
  collected += 1;
});

/** Leaves objects of Python's to the collector. */
async function leaveGarbage(bridge: EmbeddedBridge, count: number): Promise<void> {
  for (let i = 0; i < count; i++) registry.register(await bridge.callRef('builtins:object'), i);
}

/** Waits until Python answers nothing any more: somebody keeps the GIL. */
async function untilSilent(bridge: EmbeddedBridge): Promise<void> {
  let answered: unknown = true;
  while (answered) answered = await Promise.race([bridge.call('builtins:bool', [1]), delay(200)]);
}
