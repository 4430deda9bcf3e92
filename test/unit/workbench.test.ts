/** The parts of the workbench that need no editor: output, links, state, trace files. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { LineCutter } from '../../extension/outputLines';
import { findSourcePlaces } from '../../extension/views/sourcePlaces';
import { StateHolder } from '../../extension/workbench/state';
import { newestTrace, newTraceFile } from '../../extension/workbench/traceFiles';

test('a line cutter gives whole lines and keeps the rest', () => {
  const cutter = new LineCutter();
  assert.equal(cutter.push('one\ntw'), 'one\n');
  assert.equal(cutter.push('o'), '');
  assert.equal(cutter.push('\nthree'), 'two\n');
  assert.equal(cutter.flush(), 'three\n');
  assert.equal(cutter.flush(), '');
});

test('a line cutter does not hold back a line without end', () => {
  const cutter = new LineCutter();
  const long = 'x'.repeat(10_000);
  assert.equal(cutter.push(long), long);
});

test('source places are found in our stacks and in Python tracebacks', () => {
  const text =
    '  at divide (/ws/tour.conductor.py:12)\n  native/pit/src/pool.rs:88\n  File "/ws/my file.py", line 4, in f\n';
  const places = findSourcePlaces(text).map(({ file, line }) => `${file}:${line}`);
  assert.deepEqual(places, ['/ws/tour.conductor.py:12', 'native/pit/src/pool.rs:88', '/ws/my file.py:4']);
  for (const place of findSourcePlaces(text))
    assert.ok(text.slice(place.start, place.end).includes(String(place.line)));
});

test('a watcher of the state hears the present one at once, and none after its end', () => {
  const states = new StateHolder();
  const seen: string[] = [];
  const watch = states.watch(({ kind }) => seen.push(kind));
  states.set({ kind: 'starting' });
  watch.dispose();
  states.set({ kind: 'idle', host: undefined });
  assert.deepEqual(seen, ['idle', 'starting']);
});

/** Runs with a folder of traces that is gone afterwards. */
async function withTraces(names: readonly string[], work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'symphony-traces-'));
  try {
    for (const name of names) await writeFile(join(folder, name), '');
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const DAYS = [1, 2, 3, 4, 5, 6, 7].map((day) => `2026-01-0${day}.symtrace`);

test('the newest traces are kept, others are removed', async () => {
  await withTraces([...DAYS, 'notes.txt'], async (folder) => {
    const next = await newTraceFile(folder, undefined);
    assert.deepEqual((await readdir(folder)).sort(), [...DAYS.slice(3), 'notes.txt']);
    assert.ok(next.startsWith(folder) && next.endsWith('.symtrace'));
  });
});

test('traces that are being written or shown are not removed, however old', async () => {
  const ofAnotherWindow = `2025-01-01Z-${process.ppid}.symtrace`;
  const ofTheDead = '2025-01-02Z-4194305.symtrace';
  await withTraces([...DAYS, ofAnotherWindow, ofTheDead], async (folder) => {
    const written = new Set([join(folder, DAYS[0])]);
    await newTraceFile(folder, undefined, { written, shown: join(folder, DAYS[1]) });
    assert.deepEqual((await readdir(folder)).sort(), [ofAnotherWindow, DAYS[0], DAYS[1], ...DAYS.slice(3)]);
  });
});

test("the user's trace file is given to one recorder at a time", async () => {
  await withTraces([], async (folder) => {
    const chosen = join(folder, 'sub', 'mine.symtrace');
    assert.equal(await newTraceFile(folder, chosen), chosen);
    const inUse = { written: new Set([chosen]), shown: undefined };
    assert.equal(dirname(await newTraceFile(folder, chosen, inUse)), folder);
  });
});

test('the newest trace is found, also when no Python of this window has recorded', async () => {
  await withTraces(DAYS, async (folder) => {
    assert.equal(await newestTrace(folder, undefined), join(folder, DAYS[6]));
    assert.equal(await newestTrace(folder, join(folder, 'absent.symtrace')), join(folder, DAYS[6]));
    const chosen = join(folder, 'mine.trace');
    await writeFile(chosen, '');
    await utimes(chosen, new Date(), new Date(Date.now() + 60_000));
    assert.equal(await newestTrace(folder, chosen), chosen);
  });
  assert.equal(await newestTrace('/nowhere/at/all', undefined), undefined);
});
