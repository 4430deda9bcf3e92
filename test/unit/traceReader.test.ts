/** The reader of trace files, on files that the recorder itself wrote: whole, wrapped, cut off, damaged. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTraceFile } from '../../extension/conductor/traceFile';
import { bytesSource, TraceFormatError } from '../../extension/protocol/trace/byteSource';
import { errorsOfTrace, handlesOfTrace } from '../../extension/protocol/trace/derived';
import * as layout from '../../extension/protocol/trace/layout';
import { spanAt, spanCount, type TraceModel, type TraceSpan } from '../../extension/protocol/trace/model';
import { readTrace } from '../../extension/protocol/trace/readTrace';
import { sliceFrom } from '../../extension/protocol/trace/slice';
import { summary } from '../../extension/protocol/trace/summary';

// Written by `cargo run --example write_trace -p symphony-core`.
const fixture = (name: string) => join(__dirname, '..', 'fixtures', name);
const bytesOf = (name: string) => new Uint8Array(readFileSync(fixture(name)));
const tour = () => readTraceFile(fixture('tour.trace'));

function spansNamed(model: TraceModel, name: string): TraceSpan[] {
  const rows = Array.from({ length: spanCount(model) }, (_, row) => spanAt(model, row));
  return rows.filter((span) => span.name === name);
}

test('the layout is the same in Rust and TypeScript', () => {
  const source = readFileSync(join(__dirname, '../../native/core/src/recorder/layout.rs'), 'utf8');
  const rust = new Map<string, number>();
  for (const [, name, value] of source.matchAll(/pub const (\w+): (?:u8|u16|u32|usize) = (\w+);/g)) {
    rust.set(name, Number(value));
  }
  const typescript = new Map(Object.entries(layout).filter(([, value]) => typeof value === 'number'));
  assert.ok(rust.size > 40);
  assert.deepEqual(typescript, rust);
});

test('a recorded run has its spans, parents, threads and sites', () => {
  const model = tour();
  assert.equal(model.closed, true);
  assert.equal(spanCount(model), 67);
  const [run] = spansNamed(model, 'run_script');
  assert.equal(run.parent, null);
  assert.equal(run.lang, 'python');
  assert.equal(run.from, 'typescript');
  assert.deepEqual(run.caller, { file: 'extension/conductor/runScript.ts', line: 41 });
  assert.deepEqual(run.callee, { file: 'examples/tour.conductor.py', line: 1 });
  assert.equal(run.thread.name, 'conductor-1');
  assert.ok(run.enqueuedNs !== null && run.startNs - run.enqueuedNs > 130_000);
  const [rank] = spansNamed(model, 'rank');
  const path: string[] = [];
  for (let at: number | null = rank.row; at !== null; at = spanAt(model, at).parent) {
    path.push(spanAt(model, at).name);
  }
  assert.deepEqual(path, ['rank', 'lease.invoke', 'run_script']);
});

test('times are plausible nanoseconds and starts ascend', () => {
  const model = tour();
  const [step] = spansNamed(model, 'arbitration.decide');
  const took = step.endNs! - step.startNs;
  assert.ok(took > 305_000 && took < 20_000_000, `took ${took} ns, asked for 310 µs`);
  assert.ok(model.spans.start.every((value, row, all) => row === 0 || all[row - 1] <= value));
  assert.ok(model.duration > 5_000_000 && model.duration < 1_000_000_000);
});

test('a span that never ended stays open', () => {
  const [watch] = spansNamed(tour(), 'watch');
  assert.equal(watch.endNs, null);
});

test('spans that overlap without nesting end by their id', () => {
  const model = tour();
  const [first] = spansNamed(model, 'watch_progress');
  const [second] = spansNamed(model, 'collect_metrics');
  assert.ok(first.startNs < second.startNs && second.startNs < first.endNs! && first.endNs! < second.endNs!);
});

test('the summary counts crossings by direction', () => {
  const figures = summary(tour());
  const counts = Object.fromEntries(figures.directions.map(({ direction, count }) => [direction, count]));
  assert.deepEqual(counts, {
    'python → rust': 36,
    'python → typescript': 7,
    'rust → python': 7,
    'typescript → python': 1,
  });
  assert.equal(figures.crossings, 51);
  assert.equal(figures.errors, 1);
  assert.equal(figures.dropped, 0);
  for (const { p50Ns, p99Ns, totalNs } of figures.directions) {
    assert.ok(p50Ns > 0 && p50Ns <= p99Ns && p99Ns <= totalNs);
  }
});

test('an error has the crossings that led to it as its stack', () => {
  const [error, ...others] = errorsOfTrace(tour());
  assert.equal(others.length, 0);
  assert.match(error.message, /^no artifact 7f3a…/);
  assert.deepEqual(
    error.frames.map((frame) => `${frame.language} ${frame.file}:${frame.line}`),
    [
      'typescript extension/conductor/runScript.ts:41',
      'python examples/tour.conductor.py:91',
      'rust native/pit/src/artifacts.rs:108',
    ],
  );
});

test('handles that stayed open are told apart from those meant to', () => {
  const handles = handlesOfTrace(tour());
  assert.deepEqual(
    handles.map(({ name, state, site }) => `${name} ${state} ${site?.line}`),
    ['module pathlib long-lived 9', 'embedder #1 leak 71', 'ranker.weights long-lived 73'],
  );
  assert.ok(handles.every((handle) => handle.reason !== '' && handle.ageNs > 0));
});

test('what was overwritten is counted, the rest is exact', () => {
  const model = readTraceFile(fixture('wrapped.trace'));
  // 1,000 inner spans and one around them in a ring of 64 events: two for names of the thread, 31 whole spans.
  assert.equal(model.loss.overwritten, 2 + 2 * 1001 - 64);
  assert.equal(spanCount(model), 31);
  assert.equal(model.loss.halfSpans, 2);
  assert.ok(spansNamed(model, 'pool.status').every((span) => span.endNs !== null && span.parent === null));
  assert.equal(summary(model).dropped, 1940);
});

test('a parent that was overwritten is not taken for a root', () => {
  const { spans } = readTraceFile(fixture('wrapped.trace'));
  assert.ok(spans.parent.every((parent) => parent === -2));
});

test('the oldest event of a file still being written is not trusted', () => {
  const bytes = bytesOf('wrapped.trace');
  new DataView(bytes.buffer).setUint32(layout.HEADER_CLOSED, 0, true);
  const model = readTrace(bytesSource(bytes));
  assert.equal(model.loss.overwritten, 1941);
});

test('events written while reading are left for the next reading', () => {
  const bytes = bytesOf('wrapped.trace');
  const view = new DataView(bytes.buffer);
  view.setUint32(layout.HEADER_CLOSED, 0, true);
  const ring = layout.HEADER_BYTES + 4096;
  const source = bytesSource(bytes);
  const live = {
    size: source.size,
    read(offset: number, length: number) {
      const copy = source.read(offset, length).slice();
      // After the events were copied, the writer has gone on by 20 events.
      if (length > 1000 && offset > ring) view.setUint32(ring, view.getUint32(ring, true) + 20, true);
      return copy;
    },
  };
  assert.equal(readTrace(live).loss.overwritten, 1961);
});

test('a part of a trace is a trace of its own', () => {
  const whole = tour();
  assert.equal(sliceFrom(whole, 0), whole);
  const [allocate] = spansNamed(whole, 'pool.allocate');
  const part = sliceFrom(whole, allocate.startNs);
  const names = (model: TraceModel) =>
    Array.from({ length: spanCount(model) }, (_, row) => spanAt(model, row).name);
  assert.deepEqual(names(part), names(whole).slice(allocate.row));
  const first = spanAt(part, 0);
  assert.deepEqual([first.name, first.startNs, first.parent], ['pool.allocate', 0, null]);
  assert.equal(first.endNs, allocate.endNs! - allocate.startNs);
  const [rank] = spansNamed(part, 'rank');
  assert.equal(spanAt(part, rank.parent!).name, 'lease.invoke');
  assert.equal(part.duration, whole.duration - allocate.startNs);
  const [failed] = spansNamed(part, 'artifacts.load');
  assert.match(failed.error!, /no artifact/);
  assert.equal(part.errors[0].row, failed.row);
  assert.deepEqual(
    handlesOfTrace(part).map(({ name }) => name),
    ['embedder #1', 'ranker.weights'],
  );
  assert.equal(spanCount(sliceFrom(whole, whole.duration + 1)), 0);
});

test('a trace is live as long as its writer is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-'));
  const readAs = (pid: number, closed: number) => {
    const bytes = bytesOf('tour.trace');
    const view = new DataView(bytes.buffer);
    view.setUint32(layout.HEADER_PID, pid, true);
    view.setUint32(layout.HEADER_CLOSED, closed, true);
    const file = join(folder, 'copy.trace');
    writeFileSync(file, bytes);
    return readTraceFile(file);
  };
  assert.equal(readAs(process.pid, 0).live, true);
  assert.equal(readAs(process.pid, 1).live, false);
  const left = readAs(0x7ffffff0, 0);
  assert.equal(left.live, false);
  const leak = (model: TraceModel) => handlesOfTrace(model).find((handle) => handle.name === 'embedder #1');
  assert.equal(leak(left)?.state, 'leak');
  assert.equal(leak(readAs(process.pid, 0))?.state, 'live');
  rmSync(folder, { recursive: true });
});

test('what is not a trace is refused with the reason', () => {
  const refusal = (bytes: Uint8Array): string => {
    try {
      readTrace(bytesSource(bytes));
    } catch (error) {
      assert.ok(error instanceof TraceFormatError, String(error));
      return error.message;
    }
    return 'accepted';
  };
  assert.match(refusal(new Uint8Array(0)), /empty/);
  assert.match(refusal(new TextEncoder().encode('hello')), /only 5 bytes/);
  assert.match(refusal(new Uint8Array(8192).fill(0x41)), /SYMTRACE/);
  assert.match(refusal(bytesOf('tour.trace').subarray(0, 20_000)), /cut off.*20000/);
  const change = (offset: number, value: number): Uint8Array => {
    const bytes = bytesOf('tour.trace');
    new DataView(bytes.buffer).setUint32(offset, value, true);
    return bytes;
  };
  assert.match(refusal(change(layout.HEADER_VERSION, 9)), /version 9/);
  assert.match(refusal(change(layout.HEADER_CLOCK, 7)), /unknown clock 7/);
  assert.match(refusal(change(layout.HEADER_RING_EVENTS, 100)), /rings of 100 events/);
  assert.match(refusal(change(layout.HEADER_STRINGS_USED, 1 << 30)), /string table/);
  assert.match(refusal(change(layout.HEADER_RINGS_USED, 1 << 20)), /cut off/);
  assert.match(refusal(change(layout.HEADER_BYTES, 1 << 20)), /name 1 is cut off/);
  assert.match(refusal(change(layout.HEADER_RINGS_OFFSET + 4, 0xffffffff)), /out of range/);
});

test('the file reader names the file', () => {
  assert.throws(() => readTraceFile(__filename), /traceReader\.test\.ts: not a trace file/);
  assert.throws(() => readTraceFile(fixture('absent.trace')), /ENOENT/);
});

test('damaged events never break the reader', () => {
  const original = bytesOf('tour.trace');
  let seed = 1;
  const random = () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed;
  };
  for (let round = 0; round < 200; round++) {
    const bytes = original.slice();
    for (let i = 0; i < 40; i++) {
      const at = layout.HEADER_BYTES + 8192 + (random() % (bytes.length - layout.HEADER_BYTES - 8192));
      bytes[at] = random() & 0xff;
    }
    try {
      const model = readTrace(bytesSource(bytes));
      summary(model);
      errorsOfTrace(model);
      handlesOfTrace(model);
    } catch (error) {
      // A ring's own header may be hit; anything else has to be read around.
      assert.ok(error instanceof TraceFormatError, String(error));
    }
  }
});
