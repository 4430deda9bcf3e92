import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LineCutter } from '../../extension/outputLines';
import { findSourcePlaces } from '../../extension/views/sourcePlaces';
import { StateHolder } from '../../extension/workbench/state';
import { newTraceFile } from '../../extension/workbench/traceFiles';

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

test('the newest traces are kept, others are removed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'symphony-traces-'));
  try {
    for (let day = 1; day <= 7; day += 1) await writeFile(join(folder, `2026-01-0${day}.symtrace`), '');
    await writeFile(join(folder, 'notes.txt'), '');
    const next = await newTraceFile(folder, undefined);
    assert.deepEqual((await readdir(folder)).sort(), [
      '2026-01-04.symtrace',
      '2026-01-05.symtrace',
      '2026-01-06.symtrace',
      '2026-01-07.symtrace',
      'notes.txt',
    ]);
    assert.ok(next.startsWith(folder) && next.endsWith('.symtrace'));
  } finally {
    await rm(folder, { recursive: true });
  }
});
