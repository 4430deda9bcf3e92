/**
 * Sends a trace to the panel in chunks, each after the panel took in the one before.
 *
 * Must not know: VS Code (the tests of the webview use it as it is).
 */
import type { CrashReport } from '../protocol/crashReport';
import {
  CHUNK_ROWS,
  type PanelError,
  type PanelHandle,
  type SpanChunk,
  type ToPanel,
} from '../protocol/panelMessages';
import { callerLanguage, spanCount, type TraceModel } from '../protocol/trace/model';
import { summary } from '../protocol/trace/summary';

/** What the panel shows. */
export interface TraceData {
  model: TraceModel;
  errors: PanelError[];
  handles: PanelHandle[];
  /** Name of the run. */
  title: string;
  /** The crash that ended the recording; absent when none did. */
  crash?: CrashReport;
}

/** Chunks that may be on their way unacknowledged. */
const WINDOW = 2;

/** One load of the panel. A newer feed simply takes over: the panel drops what belongs to an older load. */
export class TraceFeed {
  private next = 0;

  constructor(
    private readonly load: number,
    private readonly data: TraceData,
    private readonly post: (message: ToPanel) => void,
  ) {}

  /** True once everything has been sent. */
  get done(): boolean {
    return this.next === Number.POSITIVE_INFINITY;
  }

  /** Sends all that is not spans, and the first chunks. */
  start(): void {
    const { load, data } = this;
    const { model } = data;
    this.post({
      type: 'trace/begin',
      load,
      title: data.title,
      spans: spanCount(model),
      openedWallMs: model.clock.openedWallMs,
      live: model.live,
      names: model.names,
      threads: model.threads,
      failed: model.errors.filter(({ row }) => row >= 0).map(({ row, message }) => ({ row, message })),
      summary: summary(model),
    });
    this.post({ type: 'errors', load, errors: data.errors });
    this.post({ type: 'handles', load, handles: data.handles });
    this.post({ type: 'crash', load, report: data.crash ?? null });
    for (let i = 0; i < WINDOW; i++) this.sendChunk();
  }

  /** The panel took in a chunk of `load`. */
  acknowledge(load: number): void {
    if (load === this.load) this.sendChunk();
  }

  private sendChunk(): void {
    const count = spanCount(this.data.model);
    if (this.next >= count) {
      if (!this.done) this.post({ type: 'trace/end', load: this.load });
      this.next = Number.POSITIVE_INFINITY;
      return;
    }
    const row = this.next;
    this.next = Math.min(count, row + CHUNK_ROWS);
    this.post({ type: 'trace/chunk', load: this.load, chunk: chunkOf(this.data.model, row, this.next) });
  }
}

function chunkOf(model: TraceModel, row: number, end: number): SpanChunk {
  const { spans } = model;
  const from = new Uint8Array(end - row);
  for (let i = 0; i < from.length; i++) from[i] = callerLanguage(model, row + i);
  // `slice`, not `subarray`: a view would carry its whole buffer along.
  return {
    row,
    id: spans.id.slice(row, end),
    parent: spans.parent.slice(row, end),
    name: spans.name.slice(row, end),
    lang: spans.lang.slice(row, end),
    from,
    thread: spans.thread.slice(row, end),
    start: spans.start.slice(row, end),
    end: spans.end.slice(row, end),
    enqueued: spans.enqueued.slice(row, end),
  };
}
