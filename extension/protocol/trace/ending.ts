/**
 * How a recording ends: what was under way, and the last crossings before.
 *
 * Must not know: why it ended.
 */
import type { CrashCrossing, CrashCrossings } from '../crashReport';
import { callerLanguage, spanAt, spanCount, type TraceModel } from './model';

/** A thread that recurses for ever must not fill the report: the innermost calls say what happened. */
const MOST_UNDER_WAY = 100;

/** The calls under way at the end, and the last `count` that were begun. */
export function endingOf(model: TraceModel, count: number): CrashCrossings {
  const recent: number[] = [];
  for (let row = spanCount(model) - 1; row >= 0 && recent.length < count; row--) {
    if (isCrossing(model, row)) recent.push(row);
  }
  const underWay: number[] = [];
  for (let row = spanCount(model) - 1; row >= 0 && underWay.length < MOST_UNDER_WAY; row--) {
    // Calls inside one language count too: they tell where it was as well as crossings do.
    if (Number.isNaN(model.spans.end[row])) underWay.push(row);
  }
  const told = (row: number): CrashCrossing => crossing(model, row);
  return { underWay: byThread(model, underWay.reverse()).map(told), recent: recent.reverse().map(told) };
}

function isCrossing(model: TraceModel, row: number): boolean {
  const from = callerLanguage(model, row);
  const to = model.spans.lang[row];
  return from !== 0 && to !== 0 && from !== to;
}

function crossing(model: TraceModel, row: number): CrashCrossing {
  const { name, from, lang, thread, caller, startNs, endNs, error } = spanAt(model, row);
  return {
    name,
    from,
    to: lang,
    thread: thread.name,
    site: caller,
    agoNs: Math.max(0, model.duration - startNs),
    tookNs: endNs === null ? null : endNs - startNs,
    failed: error !== null,
  };
}

/** Threads in the order in which they began what they are in. */
function byThread({ spans }: TraceModel, rows: readonly number[]): number[] {
  const groups = new Map<number, number[]>();
  for (const row of rows) {
    const group = groups.get(spans.thread[row]);
    if (group) group.push(row);
    else groups.set(spans.thread[row], [row]);
  }
  return [...groups.values()].flat();
}
