/**
 * Values of another realm (`vm`, a debugger's evaluation): their classes are not ours, but mean the same.
 * Any thread; knows nothing of packs.
 */
import { types } from 'node:util';
import { NUMBER_ARRAYS } from './typedArrays';

interface Builtin {
  prototype: object;
  /** Objects between it and null, itself included. */
  length: number;
  is(value: object): boolean;
}

const isTyped =
  (name: string) =>
  (value: object): boolean =>
    types.isTypedArray(value) && value[Symbol.toStringTag] === name;

/** Built-in classes with a conversion, by name. */
const builtins = new Map<string, Builtin>([
  ['Object', { prototype: Object.prototype, length: 1, is: (v) => !types.isProxy(v) }],
  ['Array', { prototype: Array.prototype, length: 2, is: Array.isArray }],
  ['Map', { prototype: Map.prototype, length: 2, is: types.isMap }],
  ['Set', { prototype: Set.prototype, length: 2, is: types.isSet }],
  ['Date', { prototype: Date.prototype, length: 2, is: types.isDate }],
  ['ArrayBuffer', { prototype: ArrayBuffer.prototype, length: 2, is: types.isArrayBuffer }],
  ['SharedArrayBuffer', { prototype: SharedArrayBuffer.prototype, length: 2, is: types.isSharedArrayBuffer }],
  ['DataView', { prototype: DataView.prototype, length: 2, is: types.isDataView }],
]);
for (const Class of [Uint8Array, Uint8ClampedArray, ...NUMBER_ARRAYS]) {
  builtins.set(Class.name, { prototype: Class.prototype, length: 3, is: isTyped(Class.name) });
}

/**
 * Our realm's prototype for a value whose prototype is the same built-in class's of another realm; undefined for values
 * of other classes, of subclasses too.
 */
export function realmTwin(value: object, prototype: object): object | undefined {
  const made: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof made !== 'function') return undefined;
  const own = Object.getOwnPropertyDescriptor(made, 'name')?.value;
  const builtin = typeof own === 'string' ? builtins.get(own) : undefined;
  if (builtin === undefined || builtin.prototype === prototype) return undefined;
  if (made.prototype !== prototype || chainLength(prototype) !== builtin.length) return undefined;
  return builtin.is(value) ? builtin.prototype : undefined;
}

function chainLength(prototype: object): number {
  let length = 0;
  for (let p: object | null = prototype; p !== null && length < 5; p = Object.getPrototypeOf(p)) length++;
  return length;
}
