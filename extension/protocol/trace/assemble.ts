/**
 * From events to spans: pairs begins with ends by span id, resolves parents, sorts by start.
 *
 * Cost: a few passes over the events; no objects per span.
 * Must not know: the file (see `rawFile`), who shows the model.
 */
import * as layout from './layout';
import {
  LANGUAGES,
  NO_PARENT,
  PARENT_OVERWRITTEN,
  type SpanColumns,
  type TraceHandle,
  type TraceModel,
} from './model';
import { parseHandleName, parseName } from './names';
import { type Header, number64, type Ring } from './rawFile';
import { SpanIndex, sortRuns } from './spanIndex';
import { ThreadTable } from './threadTable';

export function assemble(header: Header, rings: Ring[], strings: string[]): TraceModel {
  return new Assembly(header, rings, strings).run();
}

class Assembly {
  private readonly clock: Clock;
  private readonly threads: ThreadTable;
  private readonly spans: SpanColumns;
  private readonly index: SpanIndex;
  private readonly parentIds: Float64Array;
  private readonly model: TraceModel;
  private readonly openHandles = new Map<number, TraceHandle>();

  constructor(
    header: Header,
    private readonly rings: Ring[],
    private readonly strings: string[],
  ) {
    this.clock = new Clock(header);
    this.threads = new ThreadTable(strings);
    const begins = rings.map((ring) => countKind(ring, layout.KIND_BEGIN));
    const count = begins.reduce((sum, value) => sum + value, 0);
    this.spans = emptyColumns(count);
    this.parentIds = new Float64Array(count);
    this.index = new SpanIndex(rings.map((ring) => ring.slot));
    this.model = {
      pid: header.pid,
      closed: header.closed,
      live: !header.closed,
      clock: {
        kind: header.clock,
        openedMonotonicNs: Number(header.first.monotonicNs),
        openedWallMs: Number(header.first.wallNs / 1000n) / 1000,
        nsPerTick: this.clock.nsPerTick,
      },
      duration: 0,
      threads: this.threads.list,
      names: strings.map(parseName),
      spans: this.spans,
      errors: [],
      handles: [],
      loss: {
        overwritten: rings.reduce((sum, ring) => sum + ring.overwritten, 0),
        noRing: header.lostEvents,
        names: header.lostStrings,
        halfSpans: 0,
        damaged: 0,
      },
    };
  }

  run(): TraceModel {
    const runs = this.readBegins();
    this.sort(runs);
    this.resolveParents();
    for (const ring of this.rings) this.readOthers(ring);
    this.model.errors.sort((left, right) => left.at - right.at);
    // The columns point at errors by index, which sorting has changed.
    for (const [index, { row }] of this.model.errors.entries()) {
      if (row >= 0) this.spans.error[row] = index;
    }
    this.model.handles.sort((left, right) => left.opened - right.opened);
    return this.model;
  }

  /** Fills the columns ring by ring; the result says where each ring's run begins. */
  private readBegins(): number[] {
    const { spans } = this;
    const runs: number[] = [];
    let row = 0;
    for (const ring of this.rings) {
      runs.push(row);
      const owner = this.threads.walk(ring);
      let latest = 0;
      for (let i = 0; i < ring.count; i++) {
        const at = ring.at(i);
        const thread = owner(at, i);
        // A thread that moved between processors may see time step back by nanoseconds.
        latest = Math.max(latest, this.clock.at(ring.view, at));
        if (ring.view.getUint8(at + layout.EVENT_KIND) !== layout.KIND_BEGIN) continue;
        spans.id[row] = number64(ring.view, at + layout.EVENT_SPAN);
        this.parentIds[row] = number64(ring.view, at + layout.EVENT_ARG);
        spans.name[row] = this.nameAt(ring.view, at);
        spans.lang[row] = this.langAt(ring.view, at);
        spans.thread[row] = thread;
        spans.start[row] = latest;
        row++;
      }
      this.model.duration = Math.max(this.model.duration, latest);
    }
    runs.push(row);
    return runs;
  }

  private sort(runs: number[]): void {
    const order = sortRuns(this.spans.start, runs);
    const { spans } = this;
    for (const column of [spans.id, spans.name, spans.lang, spans.thread, spans.start, this.parentIds]) {
      column.set(column.map((_, row) => column[order[row]]) as never);
    }
    this.index.fill(spans.id);
  }

  private resolveParents(): void {
    for (let row = 0; row < this.parentIds.length; row++) {
      const id = this.parentIds[row];
      const parent = this.index.rowOf(id);
      // A parent begins before its child: anything else is damage, and could go round in circles.
      const known = parent >= 0 && parent < row;
      this.spans.parent[row] = known ? parent : id === 0 ? NO_PARENT : PARENT_OVERWRITTEN;
    }
  }

  private readOthers({ view, count, at: place }: Ring): void {
    const { model, spans } = this;
    for (let i = 0; i < count; i++) {
      const at = place(i);
      const kind = view.getUint8(at + layout.EVENT_KIND);
      if (kind === layout.KIND_BEGIN || kind === layout.KIND_THREAD) continue;
      const time = this.clock.at(view, at);
      const row = this.index.rowOf(number64(view, at + layout.EVENT_SPAN));
      switch (kind) {
        case layout.KIND_END:
          if (row >= 0) spans.end[row] = Math.max(time, spans.start[row]);
          else model.loss.halfSpans++;
          break;
        case layout.KIND_ERROR:
          model.errors.push({ row, at: time, message: this.strings[this.nameAt(view, at)] });
          break;
        case layout.KIND_ENQUEUE:
          if (row >= 0) spans.enqueued[row] = this.sentAt(view, at, spans.start[row]);
          break;
        case layout.KIND_HANDLE_OPEN:
          this.openHandle(view, at, time, row);
          break;
        case layout.KIND_HANDLE_CLOSE:
          this.closeHandle(number64(view, at + layout.EVENT_ARG), time);
          break;
        // Nobody shows these yet.
        case layout.KIND_INSTANT:
        case layout.KIND_LINK:
          break;
        default:
          model.loss.damaged++;
      }
    }
  }

  /** A handle's events may lie in rings of several threads: whichever is read first makes the entry. */
  private openHandle(view: DataView, at: number, time: number, row: number): void {
    const id = number64(view, at + layout.EVENT_ARG);
    const longLived = (view.getUint16(at + layout.EVENT_FLAGS, true) & layout.FLAG_LONG_LIVED) !== 0;
    const named = parseHandleName(this.strings[this.nameAt(view, at)]);
    const known = this.openHandles.get(id);
    if (known) {
      Object.assign(known, named, { longLived: known.longLived || longLived });
      if (time < known.opened || known.opened === 0) Object.assign(known, { opened: time, row });
      if (!this.model.handles.includes(known)) this.model.handles.push(known);
      return;
    }
    const handle: TraceHandle = { id, ...named, row, opened: time, closed: null, longLived };
    this.openHandles.set(id, handle);
    this.model.handles.push(handle);
  }

  private closeHandle(id: number, time: number): void {
    const known = this.openHandles.get(id);
    if (known) {
      known.closed = time;
      return;
    }
    // Its opening was overwritten, or lies in a ring that comes later; only the latter makes it an entry.
    const unseen = { id, kind: '', name: '', site: null, row: -1, opened: 0, closed: time, longLived: false };
    this.openHandles.set(id, unseen);
  }

  /** When the request was sent; after the start, or long before the file, it is not believable. */
  private sentAt(view: DataView, at: number, start: number): number {
    const sent = number64(view, at + layout.EVENT_ARG) - this.model.clock.openedMonotonicNs;
    return sent <= start ? sent : Number.NaN;
  }

  private nameAt(view: DataView, at: number): number {
    const name = view.getUint32(at + layout.EVENT_NAME, true);
    return name < this.strings.length ? name : 0;
  }

  private langAt(view: DataView, at: number): number {
    const lang = view.getUint8(at + layout.EVENT_LANG);
    return lang < LANGUAGES.length ? lang : 0;
  }
}

/** Ticks to nanoseconds since the file was opened. */
class Clock {
  readonly nsPerTick: number;
  private readonly low: number;
  private readonly high: number;

  constructor({ first, last }: Header) {
    const ticks = Number(last.ticks - first.ticks);
    const rate = Number(last.monotonicNs - first.monotonicNs) / ticks;
    this.nsPerTick = Number.isFinite(rate) && rate > 0 ? rate : 1;
    this.low = Number(first.ticks & 0xffffffffn);
    this.high = Number(first.ticks >> 32n);
  }

  at(view: DataView, event: number): number {
    const low = view.getUint32(event + layout.EVENT_TICKS, true);
    const high = view.getUint32(event + layout.EVENT_TICKS + 4, true);
    const ticks = (high - this.high) * 0x1_0000_0000 + (low - this.low);
    return ticks > 0 ? ticks * this.nsPerTick : 0;
  }
}

function countKind({ view, count, at }: Ring, kind: number): number {
  let found = 0;
  for (let i = 0; i < count; i++) {
    if (view.getUint8(at(i) + layout.EVENT_KIND) === kind) found++;
  }
  return found;
}

function emptyColumns(count: number): SpanColumns {
  return {
    id: new Float64Array(count),
    parent: new Int32Array(count),
    name: new Uint32Array(count),
    lang: new Uint8Array(count),
    thread: new Uint16Array(count),
    start: new Float64Array(count),
    end: new Float64Array(count).fill(Number.NaN),
    enqueued: new Float64Array(count).fill(Number.NaN),
    error: new Int32Array(count).fill(-1),
  };
}
