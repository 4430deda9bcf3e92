/**
 * What the trace panel and the extension say to each other. Every message is one of these, both ways.
 *
 * Columns travel as typed arrays in chunks of at most `CHUNK_ROWS` spans; names, threads and figures go ahead of them.
 * Must not know: VS Code, the DOM.
 */
import type { CrashReport } from './crashReport';
import type { JoinedFrame } from './joinedFrame';
import type { CallName, SourceSite, TraceThread } from './trace/model';
import type { TraceSummary } from './trace/summary';

/** Rows per `trace/chunk`: about 2 MB, which a remote connection carries in some 80 ms. */
export const CHUNK_ROWS = 50_000;

export interface PanelError {
  type: string;
  message: string;
  /** The bridge's code word, null when it is not known. */
  code: string | null;
  /** The next step for a person. */
  hint: string | null;
  notes: string[];
  /** Nanoseconds since the trace began, null when it is not in the trace. */
  atNs: number | null;
  /** Span that failed. */
  span: number | null;
  /** In call order, outermost first. */
  frames: JoinedFrame[];
  cause: PanelError | null;
  /** Members of an exception group, in its order; empty for any other error. */
  members: PanelError[];
}

/** Why a live handle is in the list. */
export type HandleState = 'leak' | 'live' | 'long-lived';

export interface PanelHandle {
  id: number;
  /** For instance `python`, `typescript`, `lease`. */
  kind: string;
  name: string;
  /** The line that made it. */
  site: SourceSite | null;
  ageNs: number;
  /** Span that made it. */
  span: number | null;
  state: HandleState;
  /** Why it is that, in words. */
  reason: string;
}

/** Spans `row … row + id.length - 1`; the columns are those of `SpanColumns`, and `from`: the caller's language. */
export interface SpanChunk {
  row: number;
  id: Float64Array;
  parent: Int32Array;
  name: Uint32Array;
  lang: Uint8Array;
  from: Uint8Array;
  thread: Uint16Array;
  start: Float64Array;
  end: Float64Array;
  enqueued: Float64Array;
}

export interface TraceBegin {
  type: 'trace/begin';
  /** Counts loads: what belongs to an older one is dropped. */
  load: number;
  title: string;
  /** Spans that will come. */
  spans: number;
  /** Wall clock at time 0, ms since 1970. */
  openedWallMs: number;
  /** The recording goes on. */
  live: boolean;
  names: CallName[];
  threads: TraceThread[];
  /** Row and message of each span that failed. */
  failed: { row: number; message: string }[];
  summary: TraceSummary;
}

/** To the webview. */
export type ToPanel =
  | TraceBegin
  | { type: 'trace/chunk'; load: number; chunk: SpanChunk }
  | { type: 'trace/end'; load: number }
  /** There is no trace to show; `hint` says what to do next. */
  | { type: 'trace/none'; load: number; message: string; hint: string; failed: boolean }
  | { type: 'errors'; load: number; errors: PanelError[] }
  | { type: 'handles'; load: number; handles: PanelHandle[] }
  /** The crash that ended the recording; null takes it away. */
  | { type: 'crash'; load: number; report: CrashReport | null };

export type PanelTab = 'calls' | 'errors' | 'leaks';

/** From the webview. */
export type FromPanel =
  /** The script runs (again): send everything. */
  | { type: 'ready' }
  /** A chunk has been taken in: the next may come. */
  | { type: 'ack'; load: number; row: number }
  | { type: 'openSource'; file: string; line: number; column?: number }
  | { type: 'refresh' }
  /** The crash report as a page of text. */
  | { type: 'openReport' };
