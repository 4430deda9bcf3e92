/**
 * Calls from TypeScript to Python in process. A call may take at most 10 µs; that limit stands beside as a peer.
 * No trace file is open, as in production without a panel.
 */
import { openBridge } from '../../extension/conductor/openBridge';
import { best, bestAsync } from '../measure';
import { payloads } from '../payloads';
import { python, root, scripts } from '../python';
import { type Result, result } from '../result';

/** What a bar depends on is measured longer, so that a busy machine has a quiet moment in it. */
const BARRED_MS = 2000;
const LIMIT = { '10 µs limit': 10_000 };

export async function bridge(): Promise<Result[]> {
  const opened = await openBridge({ host: 'embedded', python, root });
  try {
    await opened.call('sys:path.append', [scripts]);
    const target = await opened.import('bench_target');
    // A handle of the function itself; the attribute of a module is looked up at each call.
    const nothing = opened.sync(await opened.callRef('bench_target:function', ['nothing']));
    const attribute = opened.sync(target.nothing);
    const two = opened.sync(await opened.callRef('bench_target:function', ['two']));
    const take = opened.sync(target.take);
    const give = opened.sync(target.give);
    const floats = payloads['1,000 floats'];
    const dicts = payloads['100 dicts of 5'];
    return [
      result(
        'sync, no argument',
        'ns',
        best(() => nothing(), BARRED_MS),
        LIMIT,
        [{ max: 300 }],
      ),
      result(
        'sync, no argument, by attribute',
        'ns',
        best(() => attribute()),
        LIMIT,
      ),
      result(
        'sync, two arguments',
        'ns',
        best(() => two(3.25, 'hello')),
        LIMIT,
      ),
      result(
        'sync, 1,000 floats in',
        'ns',
        best(() => take(floats)),
      ),
      result(
        'sync, 1,000 floats out',
        'ns',
        best(() => give('floats')),
      ),
      result(
        'sync, 100 dicts of 5 in',
        'ns',
        best(() => take(dicts)),
      ),
      result(
        'sync, 100 dicts of 5 out',
        'ns',
        best(() => give('dicts')),
      ),
      result('async, no argument, one at a time', 'ns', await bestAsync(() => target.nothing())),
      result(
        'async, no argument, 100 at once',
        'ns',
        (await bestAsync(() => hundred(() => target.nothing()))) / 100,
        LIMIT,
      ),
      result('async, two arguments', 'ns', await bestAsync(() => target.two(3.25, 'hello'))),
      result('async, 1,000 floats in', 'ns', await bestAsync(() => target.take(floats))),
      result('async, 100 dicts of 5 in', 'ns', await bestAsync(() => target.take(dicts))),
    ];
  } finally {
    await opened.close();
  }
}

function hundred(call: () => Promise<unknown>): Promise<unknown> {
  return Promise.all(Array.from({ length: 100 }, call));
}
