/**
 * Every row of "By reference" in `docs/types.md`: the kind of the stand-in, what it can do, and that identity is kept,
 * on both hosts, and with synchronous calls.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { tuple } from '../../extension/bridge/codec';
import * as operations from '../../extension/bridge/operations';
import { kw, type PyObject, PyPromise, unwrapProxy, value } from '../../extension/bridge/refs';
import { HOSTS, openEmbedded, openForTest } from './bothHosts';
import { isSkipped, type ReferenceRow, readReferenceRows } from './typesTable';

/** Calls a function of the Python side. */
type Call = (name: string, ...args: unknown[]) => Promise<unknown>;

for (const host of HOSTS) {
  test(`${host}: the references of docs/types.md`, async (t) => {
    const bridge = await openForTest(t, host);
    const call: Call = (name, ...args) => bridge.call(`references_table:${name}`, args);
    await checkRows(call, call);
  });
}

test('embedded: the references of docs/types.md, synchronously', async (t) => {
  const bridge = await openEmbedded(t);
  await checkRows(
    async (name, ...args) => bridge.callSync(`references_table:${name}`, ...args),
    // Nothing settles a promise while a synchronous call runs.
    (name, ...args) => bridge.call(`references_table:${name}`, args),
  );
});

test('what the table says is in the table', () => {
  const ways = readReferenceRows().map(({ way }) => way);
  assert.ok(ways.filter((way) => way === '→').length >= 15, `${ways}`);
  assert.ok(ways.filter((way) => way === '←').length >= 17, `${ways}`);
});

async function checkRows(call: Call, callAsync: Call): Promise<void> {
  const failures: string[] = [];
  await call('begin');
  for (const row of readReferenceRows()) {
    if (isSkipped(await call('lacks', `${row.kind} ${row.object}`))) continue;
    const checked = row.way === '→' ? ofPython(row, call) : ofJavaScript(row, call, callAsync);
    const problem = await checked.catch((error: Error) => error.stack ?? String(error));
    if (problem !== null) failures.push(`${row.kind}  ${row.way}  ${row.object}: ${problem}`);
  }
  assert.deepEqual(failures, []);
}

async function ofPython({ object, kind, printed, claim }: ReferenceRow, call: Call): Promise<string | null> {
  const given = places(await call('give', object));
  const again = places(await call('give', object));
  const it = given[0];
  const found = kindOf(it);
  if (found !== kind) return `it is a ${found}`;
  if (printed !== undefined && inspect(it) !== printed) return `it is printed as ${inspect(it)}`;
  if (given.some((each) => each !== it)) return 'in one value it arrived as different things';
  if (again.some((each) => identityOf(each) !== identityOf(it))) return 'a second time it is another';
  const back = await call('is_it', object, it, everywhere(it));
  if (back !== null) return String(back);
  return (await evaluate(claim, { it })) === true ? null : `it is not true that ${claim}`;
}

async function ofJavaScript(row: ReferenceRow, call: Call, callAsync: Call): Promise<string | null> {
  const { object, kind, claim } = row;
  // In an array, so that a promise is not awaited.
  const [it] = (await evaluate(`[${object}]`, {})) as unknown[];
  const arrived =
    (await call('take', object, kind, it, everywhere(it))) ??
    (await call('take', object, kind, it, everywhere(it)));
  if (arrived !== null) return String(arrived);
  if (places(await call('give_back', object)).some((each) => each !== it))
    return 'it came back as something else';
  const held = /\bawait\b|\basync for\b/.test(claim)
    ? await callAsync('holds_async', object, claim)
    : await call('holds', object, claim);
  return held === null ? null : String(held);
}

/** An object alone, again, and deeper inside. */
function everywhere(it: unknown): unknown[] {
  return [it, it, { in: tuple(it) }];
}

function places(found: unknown): unknown[] {
  const [first, second, { in: inside }] = found as [unknown, unknown, { in: unknown[] }];
  return [first, second, inside[0]];
}

function kindOf(it: unknown): string {
  if (typeof it === 'function' && unwrapProxy(it)) return 'PyObject';
  // A bundle may have given the class another name.
  if (it instanceof PyPromise) return 'PyPromise';
  return (it as object)?.constructor?.name ?? typeof it;
}

/** Errors are told anew each time; the exception that they were is the same. */
function identityOf(it: unknown): unknown {
  return it instanceof Error ? (it as { exception?: PyObject | null }).exception : it;
}

class Shelf {
  readonly #books: readonly string[];

  constructor(...books: string[]) {
    this.#books = books;
  }

  get size(): number {
    return this.#books.length;
  }

  find(book: string): number {
    return this.#books.indexOf(book);
  }
}

const names = {
  ...operations,
  kw,
  value,
  Shelf,
  key: {},
  async all(iterable: AsyncIterable<unknown>) {
    const items: unknown[] = [];
    for await (const item of iterable) items.push(item);
    return items;
  },
  *count(to: number) {
    for (let i = 0; i < to; i++) yield i;
  },
  async *ticks(to: number) {
    for (let i = 0; i < to; i++) yield await Promise.resolve(i);
  },
};

async function evaluate(expression: string, more: object): Promise<unknown> {
  const known = { ...names, ...more };
  const make = new Function(...Object.keys(known), `return (async () => (${expression}))();`);
  return make(...Object.values(known));
}
