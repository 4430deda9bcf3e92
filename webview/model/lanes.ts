/**
 * Lays spans out: a lane per thread and language, in it one track per depth; spans of a track never overlap.
 *
 * Cost: one pass over the spans, done once per load. Must not know: pixels, the DOM.
 */
import type { Columns } from './store';

/** Rows whose spans do not overlap, sorted by start (and so by end). */
export interface Track {
  rows: Uint32Array;
}

export interface Lane {
  /** Index into `LANGUAGES`. */
  lang: number;
  /** Index of the thread. */
  thread: number;
  tracks: Track[];
}

/** Lanes of one thread, in order of language. */
export interface LaneGroup {
  thread: number;
  lanes: Lane[];
}

export interface Layout {
  groups: LaneGroup[];
  /** Lane and track of each row, as indices into `lanes` and their tracks. */
  lanes: Lane[];
  laneOf: Uint16Array;
  depthOf: Uint8Array;
}

/** Deeper spans share the last track: they are drawn over each other, and the table still has them all. */
export const MAX_DEPTH = 32;

/** `end` gives the end of each row, also of open spans. */
export function layOut(columns: Columns, count: number, end: (row: number) => number): Layout {
  const builders = new Map<number, LaneBuilder>();
  const order: LaneBuilder[] = [];
  const laneOf = new Uint16Array(count);
  const depthOf = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    const key = columns.thread[row] * 4 + columns.lang[row];
    let builder = builders.get(key);
    if (!builder) {
      builder = new LaneBuilder(order.length, columns.lang[row], columns.thread[row]);
      builders.set(key, builder);
      order.push(builder);
    }
    const parent = columns.parent[row];
    const below = parent >= 0 && laneOf[parent] === builder.index ? depthOf[parent] + 1 : 0;
    laneOf[row] = builder.index;
    depthOf[row] = builder.place(row, below, columns.start[row], end(row));
  }
  const lanes = order.map((builder) => builder.build());
  return { groups: group(lanes), lanes, laneOf, depthOf };
}

class LaneBuilder {
  private readonly ends: number[] = [];
  private readonly tracks: number[][] = [];

  constructor(
    readonly index: number,
    private readonly lang: number,
    private readonly thread: number,
  ) {}

  /** The first track from `from` on that is free at `start`. */
  place(row: number, from: number, start: number, end: number): number {
    let depth = Math.min(from, MAX_DEPTH - 1);
    while (depth < MAX_DEPTH - 1 && (this.ends[depth] ?? 0) > start) depth++;
    while (this.tracks.length <= depth) {
      this.tracks.push([]);
      this.ends.push(0);
    }
    this.tracks[depth].push(row);
    this.ends[depth] = Math.max(this.ends[depth], end);
    return depth;
  }

  build(): Lane {
    const tracks = this.tracks.map((rows) => ({ rows: Uint32Array.from(rows) }));
    return { lang: this.lang, thread: this.thread, tracks };
  }
}

function group(lanes: Lane[]): LaneGroup[] {
  const groups = new Map<number, LaneGroup>();
  for (const lane of lanes) {
    const known = groups.get(lane.thread);
    if (known) known.lanes.push(lane);
    else groups.set(lane.thread, { thread: lane.thread, lanes: [lane] });
  }
  for (const { lanes } of groups.values()) lanes.sort((left, right) => left.lang - right.lang);
  return [...groups.values()];
}
