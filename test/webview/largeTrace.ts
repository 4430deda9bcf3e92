/**
 * A made-up trace of any size: nested calls of three languages on several threads, as a recorder would have kept them.
 */
import type { TraceModel } from '../../extension/protocol/trace/model';

const THREADS = 4;
/** Calls below each other: Python, Rust, Python, Rust, TypeScript. */
const LANGS = [2, 3, 2, 3, 1];

export function largeTrace(count: number): TraceModel {
  const spans: TraceModel['spans'] = {
    id: new Float64Array(count),
    parent: new Int32Array(count).fill(-1),
    name: new Uint32Array(count),
    lang: new Uint8Array(count),
    thread: new Uint16Array(count),
    start: new Float64Array(count),
    end: new Float64Array(count),
    enqueued: new Float64Array(count).fill(Number.NaN),
    error: new Int32Array(count).fill(-1),
  };
  // A group is one call of each depth on one thread; threads take turns, so starts ascend by construction.
  const depth = LANGS.length;
  for (let row = 0; row < count; row++) {
    const level = row % depth;
    const group = Math.floor(row / depth);
    const start = group * 1000;
    spans.id[row] = (group % THREADS) * 2 ** 40 + row + 1;
    spans.parent[row] = level === 0 ? -1 : row - 1;
    spans.name[row] = 1 + level;
    spans.lang[row] = LANGS[level];
    spans.thread[row] = group % THREADS;
    spans.start[row] = start + level * 60;
    spans.end[row] = start + THREADS * 950 - level * 60 - ((group * 37) % 500);
  }
  const failed = [Math.floor(count / 3), Math.floor(count / 2)];
  for (const [index, row] of failed.entries()) spans.error[row] = index;
  const sites = ['rank.py', 'pool.rs', 'model.py', 'artifacts.rs', 'host.ts'];
  return {
    pid: 1,
    closed: true,
    live: false,
    clock: { kind: 'tsc', openedMonotonicNs: 0, openedWallMs: 1_700_000_000_000, nsPerTick: 0.4 },
    duration: spans.end[count - 1] + 5000,
    threads: Array.from({ length: THREADS }, (_, i) => ({ id: i + 1, name: `conductor-${i + 1}` })),
    names: [
      { name: '', caller: null, callee: null },
      ...sites.map((file, line) => ({
        name: `call_${file.split('.')[0]}`,
        caller: { file: `lib/caller_${line}.py`, line: line + 1 },
        callee: { file, line: 10 },
      })),
    ],
    spans,
    errors: failed.map((row) => ({ row, at: spans.end[row], message: 'it broke' })),
    handles: [],
    loss: { overwritten: 12, noRing: 0, names: 0, halfSpans: 0, damaged: 0 },
  };
}
