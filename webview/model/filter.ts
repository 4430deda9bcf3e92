/**
 * Which calls the table shows: free words, languages, `error`, `open`, durations (`>1ms`, `<10us`), a direction.
 *
 * Must not know: the DOM.
 */
import { LANGUAGES } from '../../extension/protocol/trace/model';
import type { TraceStore } from './store';

export interface FilterChoice {
  /** What was typed. */
  text: string;
  /** `from>to` as indices into `LANGUAGES`, empty = all. */
  direction: string;
}

export interface SortChoice {
  column: string;
  descending: boolean;
}

const UNITS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };

const LANGUAGE_WORDS = new Map<string, number>([
  ['ts', 1],
  ['py', 2],
  ['rs', 3],
  ...LANGUAGES.map((name, index): [string, number] => [name, index]),
]);

/** The rows that match, in the order asked for. */
export function filterRows(store: TraceStore, choice: FilterChoice, sort: SortChoice): Uint32Array {
  const matches = matcher(store, choice);
  const rows = new Uint32Array(store.count);
  let found = 0;
  for (let row = 0; row < store.count; row++) {
    if (matches(row)) rows[found++] = row;
  }
  return order(store, rows.subarray(0, found), sort);
}

function matcher(store: TraceStore, choice: FilterChoice): (row: number) => boolean {
  const tests = choice.text
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => wordTest(store, word));
  if (choice.direction !== '') {
    const [from, to] = choice.direction.split('>').map(Number);
    tests.push((row) => store.columns.from[row] === from && store.columns.lang[row] === to);
  }
  return (row) => tests.every((test) => test(row));
}

function wordTest(store: TraceStore, word: string): (row: number) => boolean {
  const { columns } = store;
  const duration = /^([<>])(\d+(?:\.\d+)?)(ns|us|µs|ms|s)?$/.exec(word);
  if (duration) {
    const [, sign, number, unit = 'ms'] = duration;
    const limit = Number(number) * UNITS[unit];
    return sign === '>'
      ? (row) => store.endOf(row) - columns.start[row] > limit
      : (row) => store.endOf(row) - columns.start[row] < limit;
  }
  const language = LANGUAGE_WORDS.get(word);
  if (language !== undefined)
    return (row) => columns.lang[row] === language || columns.from[row] === language;
  if (word === 'error' || word === 'errors') return (row) => store.failures.has(row);
  if (word === 'open') return (row) => store.isOpen(row);
  // A word is looked for once per name and thread, not once per span.
  const { names, threads } = store.trace!;
  const inName = Uint8Array.from(names, (entry) =>
    [entry.name, entry.caller?.file, entry.callee?.file].some((text) => text?.toLowerCase().includes(word))
      ? 1
      : 0,
  );
  const inThread = Uint8Array.from(threads, (thread) => (thread.name.toLowerCase().includes(word) ? 1 : 0));
  return (row) => inName[columns.name[row]] === 1 || inThread[columns.thread[row]] === 1;
}

function order(store: TraceStore, rows: Uint32Array, { column, descending }: SortChoice): Uint32Array {
  const { columns } = store;
  const keys = keysFor(store, column);
  // Rows come by start already.
  if (keys)
    rows.sort((left, right) => keys[left] - keys[right] || columns.start[left] - columns.start[right]);
  if (descending) rows.reverse();
  return rows;
}

function keysFor(store: TraceStore, column: string): Float64Array | null {
  const { columns, count } = store;
  const of = (key: (row: number) => number) => Float64Array.from({ length: count }, (_, row) => key(row));
  switch (column) {
    case 'duration':
      return of((row) => store.endOf(row) - columns.start[row]);
    case 'direction':
      return of((row) => columns.from[row] * 4 + columns.lang[row]);
    case 'name': {
      const ranks = rank(store.trace!.names.map((entry) => entry.name));
      return of((row) => ranks[columns.name[row]]);
    }
    case 'thread': {
      const ranks = rank(store.trace!.threads.map((thread) => thread.name));
      return of((row) => ranks[columns.thread[row]]);
    }
    case 'status':
      return of((row) => (store.failures.has(row) ? 0 : store.isOpen(row) ? 1 : 2));
    default:
      return null;
  }
}

/** Position of each text in alphabetical order; equal texts share one. */
function rank(texts: string[]): number[] {
  const sorted = [...new Set(texts)].sort((left, right) => left.localeCompare(right));
  const position = new Map(sorted.map((text, index) => [text, index]));
  return texts.map((text) => position.get(text)!);
}
