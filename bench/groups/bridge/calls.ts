/** Calls from TypeScript to Python: synchronous, one at a time, and very many at once. */
import type { EmbeddedBridge } from '../../../extension/conductor/openBridge';
import { BARRED_MS, best, bestAsync, pipelined } from '../../measure';
import type { Times } from '../../peers/programs';
import { type Result, result } from '../../result';

/** Nanoseconds. */
export const LIMIT = { '10 µs limit': 10_000 };
/** 300,000 calls a second. */
const PIPELINED_NS = 1e9 / 300_000;
const TRACING_NS = 80;

export async function callRows(bridge: EmbeddedBridge, peers: Record<string, Times>): Promise<Result[]> {
  const held = await bridge.callRef('bench_target:function', ['nothing']);
  const heldTwo = await bridge.callRef('bench_target:function', ['two']);
  const target = await bridge.import('bench_target');
  const of = (key: keyof Times): Record<string, number> => times(peers, key);
  const sync = best(bridge.sync(held), BARRED_MS);
  const two = bridge.sync(heldTwo);
  return [
    row('sync, no argument', sync, of('sync'), [
      { max: 300 },
      { times: 0.6, peer: 'pymport' },
      { times: 0.25, peer: 'node-calls-python' },
    ]),
    ...traced('sync, no argument, traced', peers.traced?.sync, [{ max: round(sync + TRACING_NS) }], {
      untraced: sync,
    }),
    row('sync, no argument, by attribute', best(bridge.sync(target.nothing))),
    row(
      'sync, two arguments',
      best(() => two(3.25, 'hello')),
    ),
    row('async, no argument, one at a time', await bestAsync(() => held(), BARRED_MS), of('async'), [
      { times: 0.25, peer: 'node-calls-python' },
    ]),
    ...traced('async, no argument, one at a time, traced', peers.traced?.async),
    row('async, no argument, 1,000 at once', await pipelined(() => held()), of('pipelined'), [
      { max: round(PIPELINED_NS) },
    ]),
    ...traced('async, no argument, 1,000 at once, traced', peers.traced?.pipelined),
    row('async, no argument, by attribute, 1,000 at once', await pipelined(() => target.nothing())),
    row('async, two arguments, 1,000 at once', await pipelined(() => heldTwo(3.25, 'hello'))),
  ];
}

function row(
  name: string,
  ns: number,
  peers: Record<string, number> = {},
  bars: Parameters<typeof result>[4] = [],
): Result {
  return result(name, 'ns', ns, { ...peers, ...LIMIT }, bars);
}

/** Tracing is the whole process's: its rows come from another one, or not at all. */
function traced(
  name: string,
  ns: number | undefined,
  bars: Parameters<typeof result>[4] = [],
  peers: Record<string, number> = {},
): Result[] {
  return ns === undefined ? [] : [row(name, ns, peers, bars)];
}

/** What the peers need for one case; ourselves, traced, are none. */
export function times(peers: Record<string, Times>, key: keyof Times): Record<string, number> {
  const found = Object.entries(peers)
    .filter(([name]) => name !== 'traced')
    .map(([name, all]) => [name, all[key]] as const)
    .filter((entry): entry is [string, number] => entry[1] !== undefined);
  return Object.fromEntries(found);
}

function round(ns: number): number {
  return Math.round(ns);
}
