/**
 * The figures of a trace: crossings by direction, errors, losses. The headless runner prints them, the panel shows them.
 *
 * Must not know: who asks.
 */
import {
  callerLanguage,
  LANGUAGES,
  spanCount,
  type TraceLanguage,
  type TraceLoss,
  type TraceModel,
} from './model';

/** The crossings from one language into another. Times are of those that ended. */
export interface DirectionSummary {
  from: TraceLanguage;
  to: TraceLanguage;
  /** For instance `typescript → python`. */
  direction: string;
  count: number;
  errors: number;
  p50Ns: number;
  p99Ns: number;
  totalNs: number;
}

export interface TraceSummary {
  durationNs: number;
  /** Spans that cross a language border. */
  crossings: number;
  /** Of all crossings; NaN when none ended. */
  p50Ns: number;
  directions: DirectionSummary[];
  errors: number;
  /** Events the file could not keep: overwritten and without a ring. */
  dropped: number;
  loss: TraceLoss;
}

export function summary(model: TraceModel): TraceSummary {
  const { spans } = model;
  const groups = new Map<number, { rows: number[]; errors: number }>();
  for (let row = 0; row < spanCount(model); row++) {
    const from = callerLanguage(model, row);
    const to = spans.lang[row];
    if (from === to || from === 0 || to === 0) continue;
    const key = from * LANGUAGES.length + to;
    let group = groups.get(key);
    if (!group) {
      group = { rows: [], errors: 0 };
      groups.set(key, group);
    }
    group.rows.push(row);
    if (spans.error[row] >= 0) group.errors++;
  }
  const directions = [...groups].map(([key, { rows, errors }]): DirectionSummary => {
    const from = LANGUAGES[Math.floor(key / LANGUAGES.length)];
    const to = LANGUAGES[key % LANGUAGES.length];
    const durations = durationsOf(model, rows);
    return {
      from,
      to,
      direction: `${from} → ${to}`,
      count: rows.length,
      errors,
      p50Ns: percentile(durations, 0.5),
      p99Ns: percentile(durations, 0.99),
      totalNs: durations.reduce((sum, value) => sum + value, 0),
    };
  });
  directions.sort((left, right) => right.count - left.count);
  const crossings = [...groups.values()].flatMap((group) => group.rows);
  return {
    durationNs: model.duration,
    crossings: crossings.length,
    p50Ns: percentile(durationsOf(model, crossings), 0.5),
    directions,
    errors: model.errors.length,
    dropped: model.loss.overwritten + model.loss.noRing,
    loss: model.loss,
  };
}

/** Nearest-rank percentile of ascending values; NaN of none. */
export function percentile(ascending: Float64Array, fraction: number): number {
  if (ascending.length === 0) return Number.NaN;
  return ascending[Math.min(ascending.length - 1, Math.ceil(fraction * ascending.length) - 1)];
}

/** Durations of the rows that ended, ascending. */
function durationsOf({ spans }: TraceModel, rows: readonly number[]): Float64Array {
  const durations = Float64Array.from(rows, (row) => spans.end[row] - spans.start[row]);
  return durations.filter((value) => !Number.isNaN(value)).sort();
}
