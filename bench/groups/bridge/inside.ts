/** What Python sees: callbacks into JavaScript, and asyncio awaiting Rust. */
import type { EmbeddedBridge } from '../../../extension/conductor/openBridge';
import { best } from '../../measure';
import { runPython } from '../../python';
import { type Result, result } from '../../result';
import { LIMIT } from './calls';

const CALLBACKS = 100;

interface AwaitTimes {
  alone: number;
  batched: number;
}

export async function insideRows(bridge: EmbeddedBridge): Promise<Result[]> {
  const repeat = bridge.sync(await bridge.callRef('bench_target:function', ['repeat']));
  const callback = (): null => null;
  const awaits = runPython<AwaitTimes>('awaits.py');
  return [
    result(
      'Python → JavaScript callback, on the JavaScript thread',
      'ns',
      best(() => repeat(callback, CALLBACKS)) / CALLBACKS,
      LIMIT,
      [{ max: 1000 }],
    ),
    result('asyncio awaits a ready Rust future, 1,000 at once', 'ns', awaits.batched, LIMIT, [{ max: 3000 }]),
    result('asyncio awaits a ready Rust future, one at a time', 'ns', awaits.alone, LIMIT),
  ];
}
