/**
 * Python calling TypeScript on the JavaScript thread, and what Python threads that compute cost it: how long a synchronous
 * call waits, and whether asynchronous ones hold up the event loop. No trace file is open, as in production without a
 * panel.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openBridge } from '../../extension/conductor/openBridge';
import { best } from '../measure';
import { python, root, scripts } from '../python';
import { type Result, result } from '../result';

const CALLBACKS = 1000;
const TAIL_CALLS = 1500;
/** How long asynchronous calls follow one another. */
const LOOP_MS = 2000;

export async function sync(): Promise<Result[]> {
  const bridge = await openBridge({ host: 'embedded', python, root });
  try {
    await bridge.call('sys:path.append', [scripts]);
    const target = await bridge.import('bench_threads');
    const often = bridge.sync(target.call_often);
    const oftenWith = bridge.sync(target.call_often_with);
    const nothing = (): void => {};
    const first = (a: unknown): unknown => a;
    const rows = [
      result(
        'Python → JavaScript callback, no argument',
        'ns',
        best(() => often(nothing, CALLBACKS), 1500) / CALLBACKS,
        {},
        [{ max: 1000 }],
      ),
      result(
        'Python → JavaScript callback, two arguments',
        'ns',
        best(() => oftenWith(first, CALLBACKS, 3.25, 'hello')) / CALLBACKS,
      ),
    ];
    for (const busy of [0, 1, 3]) {
      const stop = bridge.callSync<number>(target.start_busy, busy);
      const waits = tail(bridge.sync(target.nothing));
      bridge.callSync(target.stop_busy, stop);
      const [p50, p99, max] = waits;
      const what = `sync call beside ${busy} busy Python threads`;
      // A thread that computes is asked for the interpreter after 0.5 ms; the others may be handed it before.
      // More busy threads than processors measure the operating system.
      const bar = busy === 1 ? [{ max: 3000 }] : [];
      rows.push(
        result(`${what}, median`, 'µs', p50),
        result(`${what}, 99 of 100`, 'µs', p99, {}, bar),
        result(`${what}, longest`, 'µs', max),
      );
    }
    const call = (): Promise<unknown> => bridge.call('bench_threads:nothing');
    const [quietP99, quietMax] = await loopDelay(call);
    const stop = bridge.callSync<number>(target.start_busy, 1);
    const [p99, max] = await loopDelay(call);
    bridge.callSync(target.stop_busy, stop);
    const what = 'event loop during async calls beside 1 busy Python thread';
    rows.push(
      // Such calls never wait for the interpreter on this thread; what is left is the operating system's.
      result(`${what}, 99 of 100`, 'ms', p99, { 'no busy thread': quietP99 }, [{ max: 20 }]),
      result(`${what}, longest`, 'ms', max, { 'no busy thread': quietMax }),
    );
    return rows;
  } finally {
    await bridge.close();
  }
}

/** Microseconds of single calls, with a pause between them as an editor has it. */
function tail(call: () => unknown): [p50: number, p99: number, max: number] {
  const waits: number[] = [];
  for (let i = 0; i < TAIL_CALLS; i++) {
    const begin = process.hrtime.bigint();
    call();
    waits.push(Number(process.hrtime.bigint() - begin) / 1000);
    const until = performance.now() + 0.2;
    while (performance.now() < until);
  }
  waits.sort((a, b) => a - b);
  const at = (share: number): number => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))];
  return [at(0.5), at(0.99), waits[waits.length - 1]];
}

/** Milliseconds by which turns of the event loop come late while calls follow one another; timers of 1 ms tell. */
async function loopDelay(call: () => Promise<unknown>): Promise<[p99: number, max: number]> {
  for (let i = 0; i < 100; i++) await call();
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  for (const end = performance.now() + LOOP_MS; performance.now() < end; ) await call();
  delays.disable();
  return [delays.percentile(99) / 1e6, delays.max / 1e6];
}
