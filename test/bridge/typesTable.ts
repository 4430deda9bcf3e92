/**
 * Purpose: the rows of `docs/types.md`, and the JavaScript names they use.
 * Threads: any.
 * Must not know: bridges.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as values from '../../extension/bridge/codec/values';
import { TEST_PYTHON } from './testPython';

export interface Row {
  python: string;
  javaScript: string;
  /** Arrow, and the only mode it holds in. */
  way: '↔' | '→' | '←';
  mode: 'default' | 'strict' | null;
}

/** Whether this Python has not got what a row needs. What the project installs for its tests must be there. */
export function isSkipped(lacking: unknown): boolean {
  if (lacking === null) return false;
  const ofTheLanguage = lacking === 'ZoneInfo' || lacking === 'ExceptionGroup';
  if (TEST_PYTHON === undefined && !ofTheLanguage) throw new Error(`Python has no ${lacking}`);
  return true;
}

/** All rows of the tables about values. */
export function readRows(): Row[] {
  return tableRows('| Python | Way | JavaScript | |').map(readRow);
}

/** A kind of object that stays on its side. */
export interface ReferenceRow {
  way: '→' | '←';
  /** Makes the object, in the language that it is of. */
  object: string;
  /** Class of the stand-in, and what is printed of it where that is told. */
  kind: string;
  printed: string | undefined;
  /** True of the stand-in `it`, in the other language. */
  claim: string;
}

/** All rows of the table about references. */
export function readReferenceRows(): ReferenceRow[] {
  return tableRows('| Python | Way | JavaScript | On the stand-in |').map((line) => {
    const [python, way, javaScript, claim] = cellsOf(line);
    const [object, standIn] = way === '→' ? [python, javaScript] : [javaScript, python];
    const [kind, printed] = Array.from(standIn.matchAll(/`([^`]+)`/g), (found) => found[1]);
    const row = { way, object: codeOf(object), kind, printed, claim: codeOf(claim) };
    if (!/^[→←]$/.test(way) || !row.object || !kind || !row.claim) throw broken(line);
    return row as ReferenceRow;
  });
}

function readRow(line: string): Row {
  const cells = cellsOf(line);
  const [python, javaScript] = [codeOf(cells[0]), codeOf(cells[2])];
  const way = /^(?:(default|strict) )?([↔→←])$/.exec(cells[1]);
  if (!python || !javaScript || !way) throw broken(line);
  return { python, javaScript, way: way[2] as Row['way'], mode: (way[1] ?? null) as Row['mode'] };
}

/** The lines below a table's head, of every table with that head. */
function tableRows(head: string): string[] {
  const lines = readFileSync(join(__dirname, '../../docs/types.md'), 'utf8').split('\n');
  let inTable = false;
  return lines.filter((line) => {
    if (!line.startsWith('|')) inTable = false;
    else if (line === head) inTable = true;
    else return inTable && !line.startsWith('| ---');
    return false;
  });
}

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

function codeOf(cell: string): string | undefined {
  return /^`(.+)`$/.exec(cell)?.[1];
}

function broken(line: string): Error {
  return new Error(`a row of docs/types.md is broken: ${line}`);
}

class Celsius {
  constructor(readonly degrees: number) {}
}

class Money {
  constructor(
    readonly amount: number,
    readonly currency: string,
  ) {}
}

class Heart {
  readonly colour = 'red';
}

const Suit = { HEARTS: new Heart() };
const Unit = { METRE: Symbol('metre') };

values.registerDataclass('types_table:Celsius', Celsius);
values.registerEnum('types_table:Suit', Suit);
values.registerEnum('types_table:Unit', Unit);
const levels = values.registerEnum('types_table:Level', { HIGH: 'high' });
values.registerConverter<Money, [number, string]>({
  name: 'shop.money',
  match: Money,
  toPlain: (money) => [money.amount, money.currency],
  fromPlain: ([amount, currency]) => new Money(amount, currency),
});

const names: Record<string, unknown> = {
  ...values,
  Celsius,
  Money,
  Suit,
  Unit,
  levels,
  cyclicArray() {
    const array: unknown[] = [1];
    array.push(array);
    return array;
  },
  cyclicObject() {
    const object: Record<string, unknown> = {};
    object.self = object;
    return object;
  },
  sharedArray() {
    const array = [1];
    return [array, array];
  },
  ring() {
    const node = (name: string) =>
      new values.PyDataclass('types_table:Node', { name, peers: [] as unknown[] });
    const [first, second] = [node('first'), node('second')];
    (first.fields.peers as unknown[]).push(second);
    (second.fields.peers as unknown[]).push(first);
    return first;
  },
  shared(bytes: number[]) {
    const memory = new SharedArrayBuffer(bytes.length);
    new Uint8Array(memory).set(bytes);
    return memory;
  },
};

/** The value of a row's JavaScript. */
export function evaluate(expression: string): unknown {
  const make = new Function(...Object.keys(names), `return (${expression});`);
  return make(...Object.values(names));
}
