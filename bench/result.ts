/** What a benchmark reports: rows for the table and for `--json`. */

/** One row; the form of every benchmark of this project. */
export interface Result {
  case: string;
  unit: string;
  ours: number;
  /** What others need for the same, in the same unit and the same run. */
  peers: Record<string, number>;
  /** ours / peer: below 1 is faster. */
  ratio: Record<string, number>;
  /** The promise, as text; null: a figure to watch. */
  bar: string | null;
  ok: boolean;
}

/** A promise: at most so much, or at most so many times a peer. */
export type Bar = { max: number } | { times: number; peer: string };

/** Makes a row, figures rounded to what they can tell. */
export function result(
  name: string,
  unit: string,
  ours: number,
  peers: Record<string, number> = {},
  bars: Bar[] = [],
): Result {
  const ratio = Object.fromEntries(Object.entries(peers).map(([peer, value]) => [peer, round(ours / value)]));
  return {
    case: name,
    unit,
    ours: round(ours),
    peers: Object.fromEntries(Object.entries(peers).map(([peer, value]) => [peer, round(value)])),
    ratio,
    bar: bars.length === 0 ? null : bars.map((bar) => tell(bar, unit, peers)).join(' and '),
    ok: bars.every((bar) => holds(bar, ours, peers)),
  };
}

/** A peer that is not here breaks no promise; the row tells that it was not compared. */
function holds(bar: Bar, ours: number, peers: Record<string, number>): boolean {
  if ('max' in bar) return ours <= bar.max;
  return !(bar.peer in peers) || ours <= bar.times * peers[bar.peer];
}

function tell(bar: Bar, unit: string, peers: Record<string, number>): string {
  if ('max' in bar) return `≤ ${bar.max} ${unit}`;
  return `≤ ${bar.times} × ${bar.peer}${bar.peer in peers ? '' : ' (not compared)'}`;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
