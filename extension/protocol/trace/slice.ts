/**
 * The part of a trace that belongs to one run: a recording may go on over many.
 *
 * Must not know: runs.
 */
import { PARENT_OVERWRITTEN, type SpanColumns, spanCount, type TraceModel } from './model';

/** What happened from `since` (ns of the trace) on, as a trace whose time 0 is `since`. */
export function sliceFrom(model: TraceModel, since: number): TraceModel {
  if (since <= 0) return model;
  const first = firstRowFrom(model, since);
  const rowOf = (row: number) => (row >= first ? row - first : -1);
  const later = <T extends { at: number; row: number }>(list: readonly T[]): T[] =>
    list
      .filter(({ at }) => at >= since)
      .map((entry) => ({ ...entry, at: entry.at - since, row: rowOf(entry.row) }));
  const errors = later(model.errors);
  const spans = sliceColumns(model.spans, first, since);
  for (const [index, { row }] of errors.entries()) {
    if (row >= 0) spans.error[row] = index;
  }
  return {
    ...model,
    clock: {
      ...model.clock,
      openedMonotonicNs: model.clock.openedMonotonicNs + since,
      openedWallMs: model.clock.openedWallMs + since / 1e6,
    },
    duration: Math.max(0, model.duration - since),
    spans,
    errors,
    handles: model.handles
      .filter(({ opened }) => opened >= since)
      .map((handle) => ({
        ...handle,
        opened: handle.opened - since,
        closed: handle.closed === null ? null : handle.closed - since,
        row: rowOf(handle.row),
      })),
  };
}

function firstRowFrom(model: TraceModel, since: number): number {
  let low = 0;
  let high = spanCount(model);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (model.spans.start[middle] < since) low = middle + 1;
    else high = middle;
  }
  return low;
}

function sliceColumns(spans: SpanColumns, first: number, since: number): SpanColumns {
  const moved = (times: Float64Array) => times.slice(first).map((time) => time - since);
  return {
    id: spans.id.slice(first),
    parent: spans.parent.slice(first).map((parent) => {
      if (parent < 0) return parent;
      return parent >= first ? parent - first : PARENT_OVERWRITTEN;
    }),
    name: spans.name.slice(first),
    lang: spans.lang.slice(first),
    thread: spans.thread.slice(first),
    start: moved(spans.start),
    end: moved(spans.end),
    enqueued: moved(spans.enqueued),
    error: new Int32Array(spans.id.length - first).fill(-1),
  };
}
