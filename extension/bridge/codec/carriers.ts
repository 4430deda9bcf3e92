/**
 * Carriers: light JavaScript forms of Python values that JavaScript lacks, so that Python → JavaScript → Python
 * gives back value and type. Pure data; any thread; know nothing of packs.
 */

/** A Python tuple. An array in every respect; `map`, `filter` and `slice` give plain arrays. */
export class PyTuple<T = unknown> extends Array<T> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

/** Makes a {@link PyTuple} of its arguments. */
export function tuple<T extends unknown[]>(...items: T): PyTuple<T[number]> {
  return PyTuple.of(...items) as PyTuple<T[number]>;
}

/** A Python frozenset. */
export class PyFrozenSet<T = unknown> extends Set<T> {}

/** A Python bytearray (`bytes` is a plain `Uint8Array`). */
export class PyByteArray extends Uint8Array {}

/** A Python dataclass whose type no JavaScript class is registered for; see `registerDataclass`. */
export class PyDataclass {
  constructor(
    /** `module:qualname` of the Python class. */
    readonly type: string,
    readonly fields: Record<string, unknown>,
  ) {}
}
