/**
 * Python calling TypeScript on the JavaScript thread, and how long a synchronous call waits when Python threads compute.
 * No trace file is open, as in production without a panel.
 */
import { openBridge } from '../../extension/conductor/openBridge';
import { best } from '../measure';
import { python, root, scripts } from '../python';
import { type Result, result } from '../result';

const CALLBACKS = 1000;
const TAIL_CALLS = 1500;

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
