/** The panel without a page: numbers, time windows, lanes, filters, the store that fills from a feed. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTraceFile } from '../../extension/conductor/traceFile';
import { formatDuration } from '../../extension/protocol/duration';
import type { PanelError, PanelHandle, ToPanel } from '../../extension/protocol/panelMessages';
import { errorsOfTrace, mergeErrors } from '../../extension/protocol/trace/derived';
import { spanCount } from '../../extension/protocol/trace/model';
import { sliceFrom } from '../../extension/protocol/trace/slice';
import { TraceFeed } from '../../extension/views/traceFeed';
import { firstEndingAfter, rowAt, walkTrack } from '../../webview/model/detail';
import { filterRows } from '../../webview/model/filter';
import { formatSite, formatTime, formatTimeIn } from '../../webview/model/format';
import { placeLanes } from '../../webview/model/geometry';
import { layOut } from '../../webview/model/lanes';
import { groupHandles } from '../../webview/model/leakGroups';
import { TraceStore } from '../../webview/model/store';
import { TimeWindow } from '../../webview/model/timeWindow';
import { largeTrace } from '../webview/largeTrace';

const BY_START = { column: 'start', descending: false };

/** The store as the panel fills it: over the feed, chunk by chunk. */
function storeOf(model: ReturnType<typeof readTraceFile>, errors: PanelError[] = []): TraceStore {
  const store = new TraceStore();
  const queue: ToPanel[] = [];
  const feed = new TraceFeed(1, { model, errors, handles: [], title: 'test' }, (message) =>
    queue.push(message),
  );
  feed.start();
  for (let message = queue.shift(); message; message = queue.shift()) {
    if (store.receive(message)) feed.acknowledge(1);
  }
  assert.ok(feed.done);
  return store;
}

const tour = () => storeOf(readTraceFile(join(__dirname, '../fixtures/tour.trace')));

test('durations have three digits and carry into the next unit', () => {
  const cases: [number, string][] = [
    [0, '0 ns'],
    [42.4, '42 ns'],
    [999.6, '1.00 µs'],
    [8130, '8.13 µs'],
    [12_340, '12.3 µs'],
    [999_700, '1.00 ms'],
    [245e6, '245 ms'],
    [1.2e9, '1.20 s'],
    [125.4e9, '2 min 05 s'],
    [Number.NaN, '–'],
  ];
  for (const [ns, text] of cases) assert.equal(formatDuration(ns), text);
});

test('times are as precise as their neighbours need', () => {
  assert.equal(formatTime(0, 1e6), '0');
  assert.equal(formatTime(2e6, 1e6), '2 ms');
  assert.equal(formatTime(105_300_000, 50_000), '105.30 ms');
  assert.equal(formatTime(150, 50), '150 ns');
  assert.equal(formatTimeIn(226_752, 11e6, 11), '0.22675 ms');
  assert.equal(formatSite({ file: '/a/b/tour.py', line: 3 }), 'tour.py:3');
});

test('a window zooms around the cursor and stays inside the trace', () => {
  const window = new TimeWindow();
  window.width = 1000;
  window.setDuration(1_000_000);
  assert.ok(window.isAll);
  const before = window.timeAt(250);
  window.zoom(0.5, 250);
  assert.ok(Math.abs(window.timeAt(250) - before) < 1e-6);
  assert.ok(!window.isAll);
  window.pan(-1e9);
  assert.equal(window.start, 0);
  window.pan(1e9);
  assert.equal(window.end, window.limit);
  window.zoom(1e-12, 500);
  assert.ok(window.span >= 20);
  window.zoom(1e12, 500);
  assert.ok(window.isAll);
});

test('a window moves only as far as it has to', () => {
  const window = new TimeWindow();
  window.width = 1000;
  window.setDuration(1_000_000);
  window.show(100_000, 200_000);
  window.bringIntoView(120_000, 130_000);
  assert.equal(window.start, 100_000);
  window.bringIntoView(500_000, 510_000);
  assert.equal(Math.round(window.span), 100_000);
  assert.ok(window.start < 500_000 && window.end > 510_000);
  window.bringIntoView(0, 900_000);
  assert.ok(window.start <= 0 && window.end >= 900_000);
});

test('ticks are round and far enough apart', () => {
  const window = new TimeWindow();
  window.width = 800;
  window.setDuration(11.4e6);
  const { step, times } = window.ticks(96);
  assert.equal(step, 2e6);
  assert.deepEqual(times, [0, 2e6, 4e6, 6e6, 8e6, 10e6]);
});

test('spans of a track never overlap, and a call lies below its caller', () => {
  for (const store of [tour(), storeOf(largeTrace(5000))]) {
    const layout = layOut(store.columns, store.count, (row) => store.endOf(row));
    let placed = 0;
    for (const lane of layout.lanes) {
      for (const { rows } of lane.tracks) {
        placed += rows.length;
        for (let i = 1; i < rows.length; i++) {
          assert.ok(store.endOf(rows[i - 1]) <= store.columns.start[rows[i]]);
        }
      }
    }
    assert.equal(placed, store.count);
    for (let row = 0; row < store.count; row++) {
      const parent = store.columns.parent[row];
      if (parent < 0 || layout.laneOf[parent] !== layout.laneOf[row]) continue;
      assert.ok(layout.depthOf[row] > layout.depthOf[parent]);
    }
  }
});

test('each lane has a place, and every span can be found at its place', () => {
  const store = tour();
  const layout = layOut(store.columns, store.count, (row) => store.endOf(row));
  const geometry = placeLanes(layout);
  const times = { start: (row: number) => store.columns.start[row], end: (row: number) => store.endOf(row) };
  assert.equal(geometry.bands.length, 4);
  for (let row = 0; row < store.count; row++) {
    const place = geometry.trackAt(geometry.topOf(row) + 5);
    const middle = (times.start(row) + times.end(row)) / 2;
    assert.equal(rowAt(place!.track.rows, times, middle, 0.1), row);
  }
});

test('drawing costs pixels, not spans, and covers what is there', () => {
  const count = 200_000;
  const rows = Uint32Array.from({ length: count }, (_, row) => row);
  let looked = 0;
  const times = {
    start: (row: number) => row * 10,
    end(row: number) {
      looked++;
      return row * 10 + 8;
    },
  };
  const window = new TimeWindow();
  window.width = 1000;
  window.setDuration(count * 10);
  const dense: number[] = [];
  walkTrack(rows, times, window, {
    span: () => assert.fail('nothing is wide enough'),
    dense: (x, width) => dense.push(x, width),
  });
  assert.deepEqual([dense[0], dense.length], [0, 2]);
  assert.ok(dense[1] > 970);
  assert.ok(looked < 60_000, `${looked} look-ups`);

  window.show(500_000, 500_100);
  const seen: number[] = [];
  walkTrack(rows, times, window, { span: (row) => seen.push(row), dense: () => assert.fail('all are wide') });
  assert.deepEqual([seen[0], seen.at(-1)], [50_000, 50_010]);
});

test('looking for the first span after a time agrees with a plain search', () => {
  const rows = Uint32Array.from([3, 5, 8, 9]);
  const times = { start: (row: number) => row * 10, end: (row: number) => row * 10 + 4 };
  for (let time = 0; time < 110; time++) {
    const plain = [...rows].findIndex((row) => times.end(row) > time);
    assert.equal(firstEndingAfter(rows, times, time, 0), plain < 0 ? rows.length : plain);
  }
});

test('the filter knows words, languages, errors, durations and directions', () => {
  const store = tour();
  const found = (text: string, direction = '') =>
    [...filterRows(store, { text, direction }, BY_START)].map((row) => store.nameOf(row).name);
  assert.equal(found('').length, store.count);
  assert.deepEqual(new Set(found('ARTIFACTS')), new Set(['artifacts.store', 'artifacts.load']));
  assert.deepEqual(found('error'), ['artifacts.load']);
  assert.deepEqual(found('open'), ['watch']);
  assert.deepEqual(found('>5ms'), ['run_script']);
  assert.equal(found('<5ms').length, store.count - 1);
  assert.equal(found('parse_file conductor-2').length, 6);
  assert.ok(found('', '2>1').every((name) => name.startsWith('editor.')));
  assert.equal(found('typescript').length, found('ts').length);
  assert.deepEqual(found('no such thing'), []);
});

test('the table sorts by any column', () => {
  const store = tour();
  const durations = (descending: boolean) =>
    [...filterRows(store, { text: '', direction: '' }, { column: 'duration', descending })].map(
      (row) => store.endOf(row) - store.columns.start[row],
    );
  const ascending = durations(false);
  assert.ok(ascending.every((value, index) => index === 0 || ascending[index - 1] <= value));
  assert.deepEqual(durations(true), ascending.reverse());
  const { columns } = store;
  const keys: Record<string, (row: number) => string> = {
    direction: (row) => `${columns.from[row]} ${columns.lang[row]}`,
    name: (row) => store.nameOf(row).name,
    thread: (row) => store.threadOf(row),
    status: (row) => (store.failures.has(row) ? '0' : store.isOpen(row) ? '1' : '2'),
  };
  for (const [column, key] of Object.entries(keys)) {
    const rows = [...filterRows(store, { text: '', direction: '' }, { column, descending: false })];
    assert.equal(new Set(rows).size, store.count);
    const shown = rows.map(key);
    assert.ok(new Set(shown).size > 1, column);
    assert.deepEqual(
      shown,
      [...shown].sort((left, right) => left.localeCompare(right)),
      column,
    );
  }
});

test('chunks arrive in order; an older load is dropped; a new load keeps the selection', () => {
  const store = tour();
  store.select(5);
  const id = store.columns.id[5];
  const chunk = { row: 0 } as never;
  assert.equal(store.receive({ type: 'trace/chunk', load: 99, chunk }), false);
  const again: ToPanel[] = [];
  const whole = readTraceFile(join(__dirname, '../fixtures/tour.trace'));
  // The span is in another row there.
  const model = sliceFrom(whole, whole.spans.start[3]);
  new TraceFeed(2, { model, errors: [], handles: [], title: 'again' }, (message) =>
    again.push(message),
  ).start();
  for (const message of again) store.receive(message);
  assert.deepEqual([store.selected, store.columns.id[store.selected]], [2, id]);
  assert.equal(store.count, spanCount(model));
  store.receive({ type: 'trace/none', load: 3, message: 'gone', hint: '', failed: false });
  assert.deepEqual([store.count, store.selected, store.none?.message], [0, -1, 'gone']);
});

test('children come by start, and the source of a span is the script', () => {
  const store = tour();
  const run = 0;
  const children = store.childrenOf(run, 1000);
  assert.ok(children.length > 15);
  assert.ok(children.every((row) => store.columns.parent[row] === run));
  assert.ok(children.every((row, i) => i === 0 || children[i - 1] < row));
  assert.deepEqual(store.sourceOf(run), { file: 'examples/tour.conductor.py', line: 1 });
  assert.equal(store.rowOf(store.columns.id[7]), 7);
  assert.equal(store.rowOf(123), -1);
});

test('leaks of one line are one finding, leaks come first', () => {
  const handle = (id: number, line: number, state: PanelHandle['state']): PanelHandle => ({
    id,
    kind: 'lease',
    name: `lease ${id}`,
    site: { file: 'a.py', line },
    ageNs: id,
    span: null,
    state,
    reason: 'why',
  });
  const groups = groupHandles([
    handle(1, 9, 'long-lived'),
    handle(2, 3, 'leak'),
    handle(3, 4, 'leak'),
    handle(4, 4, 'leak'),
  ]);
  assert.deepEqual(
    groups.map(({ state, count, handle }) => `${state} ${count} ${handle.site?.line} ${handle.name}`),
    ['leak 2 4 lease 4', 'leak 1 3 lease 2', 'long-lived 1 9 lease 1'],
  );
});

test('errors of host and trace are told once', () => {
  const [recorded] = errorsOfTrace(readTraceFile(join(__dirname, '../fixtures/tour.trace')));
  const live: PanelError = {
    ...recorded,
    type: 'symphony.PitError',
    hint: 'store it first',
    atNs: null,
    span: null,
  };
  const other: PanelError = { ...live, message: 'something else' };
  const merged = mergeErrors(
    [live, other],
    [recorded, { ...recorded, message: `PitError: ${recorded.message}` }],
  );
  assert.deepEqual(
    merged.map(({ type, message, span }) => `${type} ${message.slice(0, 11)} ${span}`),
    [`symphony.PitError no artifact ${recorded.span}`, 'symphony.PitError something e null'],
  );
});
