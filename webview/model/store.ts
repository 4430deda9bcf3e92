/**
 * The trace in the page: columns that fill chunk by chunk, and what is selected.
 *
 * Views subscribe; they never change anything but the selection.
 * Must not know: the DOM.
 */
import type { CrashReport } from '../../extension/protocol/crashReport';
import type {
  PanelError,
  PanelHandle,
  SpanChunk,
  ToPanel,
  TraceBegin,
} from '../../extension/protocol/panelMessages';
import type { CallName, SourceSite } from '../../extension/protocol/trace/model';

/** Spans by column, sorted by start. */
export type Columns = Omit<SpanChunk, 'row'>;

/** There is no trace to show. */
export interface NoTrace {
  message: string;
  hint: string;
  failed: boolean;
}

export type StoreEvent = 'loaded' | 'errors' | 'handles' | 'crash' | 'selected';

export class TraceStore {
  trace: TraceBegin | null = null;
  /** Why there is no trace; null before the first message and while there is one. */
  none: NoTrace | null = null;
  columns: Columns = emptyColumns(0);
  /** Spans taken in so far. */
  count = 0;
  errors: PanelError[] = [];
  handles: PanelHandle[] = [];
  /** The crash that ended the recording; null when none did. */
  crash: CrashReport | null = null;
  /** Message by row, of spans that failed. */
  failures = new Map<number, string>();
  /** Row of the selected span, -1 = none. */
  selected = -1;

  private readonly listeners = new Set<(event: StoreEvent) => void>();
  private incoming: { trace: TraceBegin; columns: Columns; count: number } | null = null;
  private children: { first: Int32Array; next: Int32Array } | null = null;

  subscribe(listener: (event: StoreEvent) => void): void {
    this.listeners.add(listener);
  }

  /** Takes a message in. True when it was a chunk that wants acknowledging. */
  receive(message: ToPanel): boolean {
    switch (message.type) {
      case 'trace/begin':
        this.incoming = { trace: message, columns: emptyColumns(message.spans), count: 0 };
        return false;
      case 'trace/chunk':
        if (message.load !== this.incoming?.trace.load) return false;
        this.append(message.chunk);
        return true;
      case 'trace/end':
        if (message.load === this.incoming?.trace.load) this.finish();
        return false;
      case 'trace/none':
        this.incoming = null;
        this.trace = null;
        this.none = message;
        this.clear();
        return false;
      case 'errors':
        this.errors = message.errors;
        this.fire('errors');
        return false;
      case 'handles':
        this.handles = message.handles;
        this.fire('handles');
        return false;
      case 'crash':
        this.crash = message.report;
        this.fire('crash');
        return false;
      default:
        return false;
    }
  }

  select(row: number): void {
    if (row === this.selected) return;
    this.selected = row;
    this.fire('selected');
  }

  nameOf(row: number): CallName {
    return this.trace!.names[this.columns.name[row]];
  }

  threadOf(row: number): string {
    return this.trace!.threads[this.columns.thread[row]].name;
  }

  /** Time of the last event. */
  get duration(): number {
    return this.trace?.summary.durationNs ?? 0;
  }

  /** End of a span; for an open one the end of the trace. */
  endOf(row: number): number {
    const end = this.columns.end[row];
    return Number.isNaN(end) ? Math.max(this.duration, this.columns.start[row]) : end;
  }

  isOpen(row: number): boolean {
    return Number.isNaN(this.columns.end[row]);
  }

  /** Row of a span id, -1 when it is not here. Linear: for single look-ups. */
  rowOf(id: number): number {
    return id === 0 ? -1 : this.columns.id.indexOf(id);
  }

  /** Rows of the direct children, at most `limit`, by start. */
  childrenOf(row: number, limit: number): number[] {
    this.children ??= linkChildren(this.columns.parent);
    const { first, next } = this.children;
    const rows: number[] = [];
    for (let child = first[row]; child >= 0 && rows.length < limit; child = next[child]) rows.push(child);
    return rows;
  }

  /** The line a person means by this span: their script's, else the caller's, else the callee's. */
  sourceOf(row: number): SourceSite | null {
    const { caller, callee } = this.nameOf(row);
    const script = [caller, callee].find((site) => site?.file.endsWith('.py'));
    return script ?? caller ?? callee;
  }

  private append(chunk: SpanChunk): void {
    const { columns } = this.incoming!;
    for (const key of Object.keys(columns) as (keyof Columns)[])
      columns[key].set(chunk[key] as never, chunk.row);
    this.incoming!.count = chunk.row + chunk.id.length;
  }

  private finish(): void {
    const selectedId = this.selected >= 0 ? this.columns.id[this.selected] : 0;
    const { trace, columns, count } = this.incoming!;
    this.incoming = null;
    this.clear(false);
    this.none = null;
    Object.assign(this, { trace, columns, count });
    for (const { row, message } of trace.failed) this.failures.set(row, message);
    this.selected = this.rowOf(selectedId);
    this.fire('loaded');
  }

  private clear(fire = true): void {
    this.columns = emptyColumns(0);
    this.count = 0;
    this.failures = new Map();
    this.children = null;
    if (!fire) return;
    this.selected = -1;
    this.errors = [];
    this.handles = [];
    this.fire('loaded');
    this.fire('errors');
    this.fire('handles');
  }

  private fire(event: StoreEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

/** For each row its first child, and for each child the next one of the same parent. */
function linkChildren(parent: Int32Array): { first: Int32Array; next: Int32Array } {
  const first = new Int32Array(parent.length).fill(-1);
  const next = new Int32Array(parent.length).fill(-1);
  // From the end, so that the lists come out in the order of start.
  for (let row = parent.length - 1; row >= 0; row--) {
    const above = parent[row];
    if (above < 0) continue;
    next[row] = first[above];
    first[above] = row;
  }
  return { first, next };
}

function emptyColumns(count: number): Columns {
  return {
    id: new Float64Array(count),
    parent: new Int32Array(count),
    name: new Uint32Array(count),
    lang: new Uint8Array(count),
    from: new Uint8Array(count),
    thread: new Uint16Array(count),
    start: new Float64Array(count),
    end: new Float64Array(count),
    enqueued: new Float64Array(count),
  };
}
