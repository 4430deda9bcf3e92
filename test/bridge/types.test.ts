/** Every row of `docs/types.md`, in real Python on both hosts: value and type, alone and nested, in both modes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { tuple } from '../../extension/bridge/codec';
import { kw } from '../../extension/bridge/refs';
import { HOSTS, openEmbedded, openForTest } from './bothHosts';
import { evaluate, isSkipped, type Row, readRows } from './typesTable';

const MODES = ['default', 'strict'] as const;
type Mode = (typeof MODES)[number];

/** Calls a function of the Python side. */
type Call = (name: string, args: unknown[], mode?: Mode) => Promise<unknown>;

for (const host of HOSTS) {
  test(`${host}: the conversions of docs/types.md`, async (t) => {
    const bridge = await openForTest(t, host);
    await checkRows((name, args, mode) =>
      bridge.call(`types_table:${name}`, args, { strict: mode === 'strict' }),
    );
  });
}

test('embedded: the conversions of docs/types.md, synchronously', async (t) => {
  const bridge = await openEmbedded(t);
  await checkRows(async (name, args, mode) =>
    bridge.callSync(`types_table:${name}`, ...args, kw({}, { strict: mode === 'strict' })),
  );
});

test('what the table says is in the table', () => {
  const rows = readRows();
  assert.ok(rows.length > 100, `${rows.length} rows`);
  assert.deepEqual(
    rows.filter(({ javaScript }) => javaScript === ''),
    [],
  );
});

async function checkRows(call: Call): Promise<void> {
  const failures: string[] = [];
  for (const row of readRows()) {
    if (isSkipped(await call('lacks', [row.python]))) continue;
    for (const mode of MODES) {
      if (row.mode !== null && row.mode !== mode) continue;
      const problem = await problemOf(row, mode, call).catch((error: Error) => error.message);
      if (problem !== null)
        failures.push(`${row.python}  ${row.way}  ${row.javaScript} (${mode}): ${problem}`);
    }
  }
  assert.deepEqual(failures, []);
}

async function problemOf({ python, javaScript, way }: Row, mode: Mode, call: Call): Promise<string | null> {
  const value = evaluate(javaScript);
  const nest = { in: [value, tuple(value)] };
  if (way !== '←') {
    const made = await call('make', [python], mode);
    const nested = await call('nested', [python], mode);
    const problem = differs('to JavaScript', made, value) ?? differs('to JavaScript, nested', nested, nest);
    if (problem !== null) return problem;
    if (way === '↔') {
      const back = (await call('check', [python, made])) ?? (await call('check_nested', [python, nested]));
      if (back !== null) return `to JavaScript and back: ${String(back)}`;
    }
  }
  if (way === '→') return null;
  const arrived = (await call('check', [python, value])) ?? (await call('check_nested', [python, nest]));
  if (arrived !== null) return `to Python: ${String(arrived)}`;
  if (way === '←') return null;
  return (
    differs('to Python and back', await call('echo', [value], mode), value) ??
    differs('to Python and back, nested', await call('echo', [nest], mode), nest)
  );
}

function differs(where: string, actual: unknown, expected: unknown): string | null {
  try {
    assert.deepStrictEqual(actual, expected);
    // What carriers keep out of sight of a comparison.
    assert.equal(inspect(actual), inspect(expected));
    return null;
  } catch {
    return `${where}: ${inspect(actual)}`;
  }
}
