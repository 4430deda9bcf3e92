/**
 * Everything the bridge promises about speed, beside the same work of others, in one run. Nothing is recorded unless a
 * row says "traced": that is the product without an open trace.
 *
 * A call may take at most 10 µs, whatever others need: that limit stands beside each.
 */
import { openBridge } from '../../../extension/conductor/openBridge';
import { peerTimes } from '../../peers';
import { python, root, scripts } from '../../python';
import type { Result } from '../../result';
import { callRows } from './calls';
import { insideRows } from './inside';
import { bufferRows, roundTripRows } from './values';

export async function bridge(): Promise<Result[]> {
  const peers = peerTimes();
  const opened = await openBridge({ host: 'embedded', python, root });
  try {
    await opened.call('sys:path.append', [scripts]);
    return [
      ...(await callRows(opened, peers)),
      ...(await roundTripRows(opened, peers)),
      ...(await bufferRows(opened)),
      ...(await insideRows(opened)),
    ];
  } finally {
    await opened.close();
  }
}
