/**
 * What a trace file says, in columns: up to millions of spans, as plain data that can cross `postMessage`.
 *
 * All times are nanoseconds since the file was opened.
 * Must not know: the file's layout (see `rawFile`), or who shows it.
 */

/** A language by its number in the trace; 0 is unknown. */
export const LANGUAGES = ['unknown', 'typescript', 'python', 'rust'] as const;
export type TraceLanguage = (typeof LANGUAGES)[number];

export interface SourceSite {
  file: string;
  /** From 1. */
  line: number;
}

/** An entry of the string table. */
export interface CallName {
  name: string;
  caller: SourceSite | null;
  /** Where the callee is defined. */
  callee: SourceSite | null;
}

export interface TraceThread {
  /** The operating system's id, 0 when it was overwritten. */
  id: number;
  name: string;
}

/** Spans in columns, sorted by start; a row is an index into all of them. */
export interface SpanColumns {
  /** Span ids, unique in the file. */
  id: Float64Array;
  /** Row of the parent; -1 = a root, -2 = the parent was overwritten. */
  parent: Int32Array;
  /** Index into `TraceModel.names`. */
  name: Uint32Array;
  /** Index into `LANGUAGES`: the callee's. */
  lang: Uint8Array;
  /** Index into `TraceModel.threads`. */
  thread: Uint16Array;
  start: Float64Array;
  /** NaN while the span is open. */
  end: Float64Array;
  /** When its request was sent; NaN when that is not known. */
  enqueued: Float64Array;
  /** Index into `TraceModel.errors`, -1 = no error. */
  error: Int32Array;
}

export const NO_PARENT = -1;
export const PARENT_OVERWRITTEN = -2;

export interface TraceError {
  /** Row of the span that failed, -1 when it was overwritten. */
  row: number;
  at: number;
  message: string;
}

export interface TraceHandle {
  id: number;
  /** For instance `python`, `typescript`, `lease`. */
  kind: string;
  name: string;
  site: SourceSite | null;
  /** Row of the span that made it, -1 when it is not recorded. */
  row: number;
  opened: number;
  /** null while it is open. */
  closed: number | null;
  longLived: boolean;
}

/** What the file could not keep. */
export interface TraceLoss {
  /** Events that newer ones took the place of. */
  overwritten: number;
  /** Events of threads that found no free ring. */
  noRing: number;
  /** Names that found no room. */
  names: number;
  /** Ends whose beginning was overwritten. */
  halfSpans: number;
  /** Events that make no sense. */
  damaged: number;
}

export interface TraceModel {
  pid: number;
  /** The writer closed the file in order; false while it runs, and after a crash. */
  closed: boolean;
  /** The writer may still add to the file. The file itself knows only `closed`; whoever knows processes corrects it. */
  live: boolean;
  clock: {
    kind: 'tsc' | 'monotonic';
    /** CLOCK_MONOTONIC when the file was opened, in ns: the zero of all times here. */
    openedMonotonicNs: number;
    /** Wall clock when the file was opened, in ms since 1970. */
    openedWallMs: number;
    nsPerTick: number;
  };
  /** Time of the last event. */
  duration: number;
  threads: TraceThread[];
  /** Index 0 is the unnamed one. */
  names: CallName[];
  spans: SpanColumns;
  errors: TraceError[];
  handles: TraceHandle[];
  loss: TraceLoss;
}

/** One span as an object, for those who look at few. */
export interface TraceSpan {
  row: number;
  id: number;
  /** Row of the parent, null for roots and when it was overwritten. */
  parent: number | null;
  name: string;
  caller: SourceSite | null;
  callee: SourceSite | null;
  lang: TraceLanguage;
  /** Language it was called from. */
  from: TraceLanguage;
  thread: TraceThread;
  startNs: number;
  endNs: number | null;
  enqueuedNs: number | null;
  error: string | null;
}

export function spanCount(model: TraceModel): number {
  return model.spans.id.length;
}

export function spanAt(model: TraceModel, row: number): TraceSpan {
  const { spans } = model;
  const name = model.names[spans.name[row]];
  const parent = spans.parent[row];
  const end = spans.end[row];
  const enqueued = spans.enqueued[row];
  const error = spans.error[row];
  return {
    row,
    id: spans.id[row],
    parent: parent < 0 ? null : parent,
    ...name,
    lang: LANGUAGES[spans.lang[row]],
    from: LANGUAGES[callerLanguage(model, row)],
    thread: model.threads[spans.thread[row]],
    startNs: spans.start[row],
    endNs: Number.isNaN(end) ? null : end,
    enqueuedNs: Number.isNaN(enqueued) ? null : enqueued,
    error: error < 0 ? null : model.errors[error].message,
  };
}

/**
 * The language a span was called from: its parent's; without one the language of the calling line, and TypeScript
 * (where every run starts) when that is not known either.
 */
export function callerLanguage(model: Pick<TraceModel, 'spans' | 'names'>, row: number): number {
  const parent = model.spans.parent[row];
  if (parent >= 0) return model.spans.lang[parent];
  const caller = model.names[model.spans.name[row]]?.caller;
  const byFile = caller ? languageOfFile(caller.file) : 0;
  if (byFile !== 0) return byFile;
  return parent === NO_PARENT ? LANGUAGES.indexOf('typescript') : 0;
}

/** Index into `LANGUAGES` by a file's name, 0 when it says nothing. */
export function languageOfFile(file: string): number {
  if (/\.[cm]?[jt]sx?$/.test(file)) return LANGUAGES.indexOf('typescript');
  if (/\.pyw?$/.test(file)) return LANGUAGES.indexOf('python');
  return file.endsWith('.rs') ? LANGUAGES.indexOf('rust') : 0;
}
