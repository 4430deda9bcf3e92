/**
 * Purpose: the rows of `docs/types.md`, and the JavaScript names they use.
 * Threads: any.
 * Must not know: bridges.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as values from '../../extension/bridge/codec/values';

export interface Row {
  python: string;
  javaScript: string;
  /** Arrow, and the only mode it holds in. */
  way: '↔' | '→' | '←';
  mode: 'default' | 'strict' | null;
}

/** All rows of the tables with the columns Python, Way, JavaScript. */
export function readRows(): Row[] {
  const lines = readFileSync(join(__dirname, '../../docs/types.md'), 'utf8').split('\n');
  const rows: Row[] = [];
  let inTable = false;
  for (const line of lines) {
    if (!line.startsWith('|')) inTable = false;
    else if (/^\| Python \| Way \| JavaScript \|/.test(line)) inTable = true;
    else if (inTable && !line.startsWith('| ---')) rows.push(readRow(line));
  }
  return rows;
}

function readRow(line: string): Row {
  const cells = line
    .split(/(?<!\\)\|/)
    .slice(1, 4)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
  const [python, javaScript] = [cells[0], cells[2]].map((cell) => /^`(.+)`$/.exec(cell)?.[1]);
  const way = /^(?:(default|strict) )?([↔→←])$/.exec(cells[1]);
  if (!python || !javaScript || !way) throw new Error(`a row of docs/types.md is broken: ${line}`);
  return { python, javaScript, way: way[2] as Row['way'], mode: (way[1] ?? null) as Row['mode'] };
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
