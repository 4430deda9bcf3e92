/**
 * Level of detail: of a track, only what shows at the current zoom. Cost follows the pixels, not the spans.
 *
 * Must not know: the DOM, colours.
 */
import type { TimeWindow } from './timeWindow';

/** What the walk needs of the spans. */
export interface Times {
  start(row: number): number;
  end(row: number): number;
}

/** Takes what the walk finds: a span wide enough to draw, or a stretch of columns filled by spans too thin for it. */
export interface Painter {
  span(row: number, x: number, width: number): void;
  dense(x: number, width: number): void;
}

/** Spans thinner than this are drawn as columns. */
const THIN = 1.5;

/** Walks the visible part of a track from left to right. */
export function walkTrack(rows: Uint32Array, times: Times, window: TimeWindow, painter: Painter): void {
  const { start: from, end: to, width } = window;
  const scale = width / (to - from);
  let columnStart = -1;
  let columnEnd = -1;
  const flush = () => {
    if (columnStart >= 0) painter.dense(columnStart, columnEnd - columnStart);
    columnStart = -1;
  };
  let index = firstEndingAfter(rows, times, from, 0);
  while (index < rows.length) {
    const row = rows[index];
    const start = times.start(row);
    if (start > to) break;
    const left = (start - from) * scale;
    const right = (times.end(row) - from) * scale;
    if (right - left >= THIN) {
      flush();
      painter.span(row, left, right - left);
      index++;
      continue;
    }
    const column = Math.max(0, Math.floor(left));
    if (column > columnEnd || columnStart < 0) {
      flush();
      columnStart = column;
    }
    columnEnd = column + 1;
    // Everything else that ends in this column adds nothing to it.
    index = firstEndingAfter(rows, times, from + columnEnd / scale, index + 1);
  }
  flush();
}

/** Index of the first row at or after `low` that ends after `time`; gallops, since it is mostly near. */
export function firstEndingAfter(rows: Uint32Array, times: Times, time: number, low: number): number {
  let step = 1;
  let high = low;
  while (high < rows.length && times.end(rows[high]) <= time) {
    low = high + 1;
    high += step;
    step *= 2;
  }
  high = Math.min(high, rows.length);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times.end(rows[middle]) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The row of a track at `time`, or the nearest within `tolerance`; -1 = none. */
export function rowAt(rows: Uint32Array, times: Times, time: number, tolerance: number): number {
  const index = firstEndingAfter(rows, times, time - tolerance, 0);
  let best = -1;
  let nearest = tolerance;
  for (let i = index; i < rows.length && i < index + 64; i++) {
    const row = rows[i];
    const start = times.start(row);
    if (start > time + tolerance) break;
    const distance = Math.max(start - time, time - times.end(row), 0);
    if (best < 0 || distance < nearest) {
      best = row;
      nearest = distance;
    }
  }
  return best;
}
