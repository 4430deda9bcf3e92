/**
 * Carriers of frozensets, bytearrays, dataclasses, enum members and of what only Python's side can read. Pure data; any
 * thread; know nothing of packs.
 */
import { Carrier, written } from './carrier';

/** A Python frozenset; it cannot be changed. */
export class PyFrozenSet<T = unknown> extends Set<T> {
  constructor(items: Iterable<T> = []) {
    super();
    for (const item of items) Set.prototype.add.call(this, item);
  }

  /** @throws TypeError always */
  override add(): never {
    throw frozen('frozenset');
  }

  /** @throws TypeError always */
  override delete(): never {
    throw frozen('frozenset');
  }

  /** @throws TypeError always */
  override clear(): never {
    throw frozen('frozenset');
  }

  /** How Python would write it. */
  override toString(): string {
    return `frozenset({${[...this].map(written).join(', ')}})`;
  }
}

/** A Python bytearray (`bytes` is a plain `Uint8Array`). */
export class PyByteArray extends Uint8Array {
  /** What `subarray` and `slice` give: plain bytes. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }
}

/** A Python dataclass whose type no JavaScript class is registered for; see `registerDataclass`. */
export class PyDataclass extends Carrier {
  constructor(
    /** `module:qualname` of the Python class. */
    readonly type: string,
    readonly fields: Record<string, unknown>,
  ) {
    super();
  }

  toString(): string {
    const fields = Object.keys(this.fields).map((name) => `${name}=…`);
    return `${shortName(this.type)}(${fields.join(', ')})`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](
    depth: number,
    options: { depth?: number | null },
    inspect: Inspect,
  ) {
    if (depth < 0) return `[${shortName(this.type)}]`;
    // Without an end, one that contains itself would be shown for ever.
    const rest = Math.min(options.depth ?? MAX_SHOWN, MAX_SHOWN) - 1;
    return `${shortName(this.type)} ${inspect(this.fields, { ...options, depth: rest })}`;
  }
}

type Inspect = (value: unknown, options: object) => string;
/** Levels of fields. */
const MAX_SHOWN = 8;

/** A member of a Python enumeration that no JavaScript values are registered for; see `registerEnum`. */
export class PyEnum extends Carrier {
  constructor(
    /** `module:qualname` of the Python class. */
    readonly type: string,
    /** The member's name; null for a combination of flags. */
    readonly name: string | null,
    readonly value: unknown,
  ) {
    super();
    Object.freeze(this);
  }

  override valueOf(): unknown {
    return this.value;
  }

  toString(): string {
    return this.name === null
      ? `${shortName(this.type)}(${written(this.value)})`
      : `${shortName(this.type)}.${this.name}`;
  }
}

/** A value by a converter that only Python has: it goes back as what it was. */
export class PyConverted extends Carrier {
  constructor(
    /** The converter's name. */
    readonly converter: string,
    /** The converter's own form of the value. */
    readonly plain: unknown,
  ) {
    super();
    Object.freeze(this);
  }

  toString(): string {
    return `<${this.converter} ${written(this.plain)}>`;
  }
}

/** The type of Python's `...`. */
export class PyEllipsisType extends Carrier {
  toString(): string {
    return 'Ellipsis';
  }
}

/** The type of Python's `NotImplemented`. */
export class PyNotImplementedType extends Carrier {
  toString(): string {
    return 'NotImplemented';
  }
}

/** Python's `...`; there is one. */
export const PyEllipsis = Object.freeze(new PyEllipsisType());
/** Python's `NotImplemented`; there is one. */
export const PyNotImplemented = Object.freeze(new PyNotImplementedType());

function shortName(type: string): string {
  return type.slice(type.lastIndexOf(':') + 1);
}

function frozen(type: string): TypeError {
  return new TypeError(`a ${type} cannot be changed; make a new one`);
}
