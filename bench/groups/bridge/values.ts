/** Values there and back, and memory. */
import { view } from '../../../extension/bridge/codec';
import type { EmbeddedBridge } from '../../../extension/conductor/openBridge';
import { BARRED_MS, best } from '../../measure';
import { ROUND_TRIPS } from '../../payloads';
import type { Times } from '../../peers/programs';
import { runPython } from '../../python';
import { type Result, result } from '../../result';
import { times } from './calls';

const MIB = 1024 * 1024;
/** At most so many times what node-calls-python takes, in the order of the payloads. */
const SHARES = [0.25, 0.15, 0.2];

interface JsonTimes {
  dumps: number;
  loads: number;
}

/** An echo in Python beside other bridges, and beside JSON: text there, text back, no call. */
export async function roundTripRows(bridge: EmbeddedBridge, peers: Record<string, Times>): Promise<Result[]> {
  const echo = bridge.sync(await bridge.callRef('bench_target:function', ['echo']));
  const json = runPython<Record<string, JsonTimes>>('codec.py', ROUND_TRIPS);
  return Object.entries(ROUND_TRIPS).map(([name, value], index) => {
    const text = JSON.stringify(value);
    const { dumps, loads } = json[name];
    const both = best(() => JSON.stringify(value)) + loads + dumps + best(() => JSON.parse(text));
    const others = micros({ ...times(peers, name), JSON: both });
    return result(`sync, ${name}, round trip`, 'µs', best(() => echo(value), BARRED_MS) / 1000, others, [
      { times: SHARES[index], peer: 'node-calls-python' },
      { times: 1, peer: 'JSON' },
    ]);
  });
}

/** Memory that is lent, and memory that is copied once: beside copies that JavaScript makes. */
export async function bufferRows(bridge: EmbeddedBridge): Promise<Result[]> {
  const take = bridge.sync(await bridge.callRef('bench_target:function', ['take']));
  const lend = (size: number): number => {
    const bytes = new Uint8Array(size);
    return best(() => take(view(bytes))) / 1000;
  };
  const array = await bridge.callRef('bench_target:function', ['array']);
  const give = bridge.sync(array);
  const source = new Uint8Array(8 * MIB).fill(1);
  return [
    result('sync, view of 1 MiB lent', 'µs', lend(MIB), { '64 KiB': lend(64 * 1024) }, [{ max: 5 }]),
    result(
      'sync, NumPy array of 8 MiB out',
      'µs',
      best(() => give()) / 1000,
      {
        'copy into new memory': best(() => source.slice()) / 1000,
        'into memory not cleared': best(() => Buffer.allocUnsafeSlow(source.length).set(source)) / 1000,
      },
      [{ times: 1.3, peer: 'copy into new memory' }],
    ),
  ];
}

function micros(ns: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(ns).map(([name, value]) => [name, value / 1000]));
}
