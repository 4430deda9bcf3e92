/**
 * Span id → row, and the order of rows by start: both without an object per span.
 *
 * Ids are dense per ring (ring number above, counter below), so a plain array per ring is the index.
 * Must not know: events.
 */
import { SPAN_COUNTER_BITS } from './layout';

const COUNTERS = 2 ** SPAN_COUNTER_BITS;

/** A ring of ids whose counters span more than this cannot come from the recorder: they go into a map. */
const MAX_DENSE = 1 << 25;

export class SpanIndex {
  private readonly rows: (Int32Array | undefined)[] = [];
  private readonly lowest: number[] = [];
  private readonly strays = new Map<number, number>();

  constructor(private readonly slots: readonly number[]) {}

  /** Indexes `ids`; the row is the position. Called once. */
  fill(ids: Float64Array): void {
    const highest: number[] = [];
    for (const id of ids) {
      const slot = Math.floor(id / COUNTERS);
      const counter = id % COUNTERS;
      this.lowest[slot] = Math.min(this.lowest[slot] ?? counter, counter);
      highest[slot] = Math.max(highest[slot] ?? counter, counter);
    }
    for (const slot of this.slots) {
      const width = (highest[slot] ?? -1) - (this.lowest[slot] ?? 0) + 1;
      if (width > 0 && width <= MAX_DENSE) this.rows[slot] = new Int32Array(width).fill(-1);
    }
    for (let row = 0; row < ids.length; row++) {
      const slot = Math.floor(ids[row] / COUNTERS);
      const rows = this.rows[slot];
      if (rows) rows[(ids[row] % COUNTERS) - this.lowest[slot]] = row;
      else this.strays.set(ids[row], row);
    }
  }

  /** Row of a span, -1 when it is not in the file (any more). */
  rowOf(id: number): number {
    if (id === 0) return -1;
    const slot = Math.floor(id / COUNTERS);
    const rows = this.rows[slot];
    if (!rows) return this.strays.get(id) ?? -1;
    return rows[(id % COUNTERS) - this.lowest[slot]] ?? -1;
  }
}

/**
 * Order of rows by `keys`, which is made of ascending runs: run `i` lies from `starts[i]` to `starts[i + 1]`.
 * Equal keys keep their order.
 */
export function sortRuns(keys: Float64Array, starts: readonly number[]): Uint32Array {
  let order = Uint32Array.from(keys, (_, row) => row);
  let spare = new Uint32Array(keys.length);
  let edges = [...starts];
  while (edges.length > 2) {
    const merged = [0];
    for (let i = 0; i + 1 < edges.length; i += 2) {
      const end = edges[i + 2] ?? edges[i + 1];
      merge(keys, order, spare, edges[i], edges[i + 1], end);
      merged.push(end);
    }
    [order, spare] = [spare, order];
    edges = merged;
  }
  return order;
}

function merge(
  keys: Float64Array,
  from: Uint32Array,
  to: Uint32Array,
  start: number,
  middle: number,
  end: number,
): void {
  let left = start;
  let right = middle;
  for (let out = start; out < end; out++) {
    const takeLeft = left < middle && (right >= end || keys[from[left]] <= keys[from[right]]);
    to[out] = takeLeft ? from[left++] : from[right++];
  }
}
