/**
 * The bridge's own converters: the form of each carrier, and of what only JavaScript has, and back. Payloads are the
 * same on Python's side; whoever changes one changes both.
 * JavaScript thread only; knows nothing of packs.
 */
import { bytesPayload, ndArrayPayload, readBuffer, readBytes, typedArrayPayload } from './buffers';
import {
  BUFFER_KINDS,
  type BufferFacts,
  NdArray,
  PATH_KINDS,
  type PathKind,
  PyComplex,
  PyConverted,
  PyDate,
  PyDateTime,
  PyDecimal,
  PyEllipsis,
  PyEllipsisType,
  PyEnum,
  PyFloat,
  PyFraction,
  PyNamedTuple,
  PyNotImplemented,
  PyNotImplementedType,
  PyPath,
  PyRange,
  PySlice,
  PyString,
  PyTime,
  PyTimeDelta,
  PyTimeZone,
  PyUUID,
  PyZoneInfo,
} from './carriers';
import { FrameError } from './conversionError';
import { reserveNames } from './converters';
import { readEnum } from './enums';
import { parts } from './parts';
import { Refusal } from './refusal';
import { NUMBER_ARRAYS } from './typedArrays';

/** How values of one class are written. */
export interface Writer {
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: each takes values of its own class
  toPlain(value: any): unknown;
}

type Read = (plain: Payload) => unknown;

/** Name of the form that a call of Python's uses for NumPy's scalars: (plain, exact). */
export const SCALAR = 'scalar';

/** Writers by the prototype of the values they write. */
export const builtinWriters = new Map<object, Writer>();
const readers = new Map<string, Read>();

/** The value of a built-in converter; undefined: the name is none of the bridge's. */
export function readBuiltin(name: string, plain: unknown, strict: boolean): { value: unknown } | undefined {
  const read = readers.get(name);
  if (read === undefined) return undefined;
  try {
    return { value: read(new Payload(plain, strict)) };
  } catch (error) {
    throw new FrameError(`malformed pack: ${name}: ${(error as Error).message}`);
  }
}

/** A payload that checks what it is asked for. */
class Payload {
  private i = 0;
  constructor(
    readonly whole: unknown,
    /** Exact types are wanted. */
    readonly strict: boolean,
  ) {}

  next(): unknown {
    const items = this.whole;
    if (!Array.isArray(items) || this.i >= items.length) throw new TypeError('a part is missing');
    return items[this.i++];
  }

  integer(): number | bigint {
    return isInteger(this.next());
  }

  small(): number {
    return Number(this.integer());
  }

  /** Floats may come wrapped in strict mode. */
  float(): number {
    return isFloat(this.next());
  }

  text(): string {
    return isText(this.next());
  }

  textOrNull(): string | null {
    const text = this.next();
    return text === null ? null : isText(text);
  }

  items(): unknown[] {
    return isArray(this.next());
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const bytes = this.next();
    if (!(bytes instanceof Uint8Array)) throw new TypeError('no bytes');
    return bytes as Uint8Array<ArrayBuffer>;
  }

  zone(): object | null {
    const zone = this.next();
    if (zone !== null && typeof zone !== 'object' && typeof zone !== 'function')
      throw new TypeError('no zone');
    return zone as object | null;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: classes of all kinds
type Class<T> = abstract new (...args: any[]) => T;

function define<T>(name: string, Class: Class<T>, toPlain: (value: T) => unknown, read: Read): void {
  builtinWriters.set(Class.prototype, { name, toPlain });
  readers.set(name, read);
}

function isInteger(value: unknown): number | bigint {
  if (typeof value === 'bigint' || Number.isInteger(value)) return value as number | bigint;
  throw new TypeError('no integer');
}

function isFloat(value: unknown): number {
  if (typeof value === 'number' || value instanceof PyFloat) return Number(value);
  throw new TypeError('no number');
}

function isText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError('no text');
}

function isArray(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError('no tuple');
}

function fold(value: number): 0 | 1 {
  return value === 0 ? 0 : 1;
}

define(
  'complex',
  PyComplex,
  (v) => parts(new PyFloat(v.real), new PyFloat(v.imag)),
  (p) => new PyComplex(p.float(), p.float()),
);
define(
  'decimal',
  PyDecimal,
  (v) => v.text,
  (p) => new PyDecimal(isText(p.whole)),
);
define(
  'fraction',
  PyFraction,
  (v) => parts(v.numerator, v.denominator),
  (p) => new PyFraction(p.integer(), p.integer()),
);
define(
  'uuid',
  PyUUID,
  (v) => v.text,
  (p) => new PyUUID(isText(p.whole)),
);
define(
  'path',
  PyPath,
  (v) => parts(v.kind, v.text),
  (p) => {
    const kind = p.text() as PathKind;
    if (!PATH_KINDS.includes(kind)) throw new TypeError(`no path ${kind}`);
    return new PyPath(p.text(), kind);
  },
);
define(
  'datetime',
  PyDateTime,
  (v) => parts(v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond, v.fold, v.tz),
  (p) =>
    new PyDateTime(
      p.small(),
      p.small(),
      p.small(),
      p.small(),
      p.small(),
      p.small(),
      p.small(),
      fold(p.small()),
      p.zone(),
    ),
);
define(
  'date',
  PyDate,
  (v) => parts(v.year, v.month, v.day),
  (p) => new PyDate(p.small(), p.small(), p.small()),
);
define(
  'time',
  PyTime,
  (v) => parts(v.hour, v.minute, v.second, v.microsecond, v.fold, v.tz),
  (p) => new PyTime(p.small(), p.small(), p.small(), p.small(), fold(p.small()), p.zone()),
);
define(
  'timedelta',
  PyTimeDelta,
  (v) => parts(v.days, v.seconds, v.microseconds),
  (p) => new PyTimeDelta(p.small(), p.small(), p.small()),
);
define(
  'timezone',
  PyTimeZone,
  (v) => parts(v.offset, v.name),
  (p) => new PyTimeZone(p.small(), p.textOrNull()),
);
define(
  'zoneinfo',
  PyZoneInfo,
  (v) => v.key,
  (p) => new PyZoneInfo(isText(p.whole)),
);
define(
  'range',
  PyRange,
  (v) => parts(v.start, v.stop, v.step),
  (p) => new PyRange(p.integer(), p.integer(), p.integer()),
);
define(
  'slice',
  PySlice,
  (v) => parts(v.start, v.stop, v.step),
  (p) => new PySlice(p.next(), p.next(), p.next()),
);
define(
  'enum',
  PyEnum,
  (v) => parts(v.type, v.name, v.value),
  (p) => readEnum(p.text(), p.textOrNull(), p.next()),
);
define(
  'namedtuple',
  PyNamedTuple,
  (v) => parts(v.type, parts(...v.names), parts(...v)),
  (p) => PyNamedTuple.make(p.text(), p.items().map(isText), p.items()),
);
define(
  'ellipsis',
  PyEllipsisType,
  () => null,
  () => PyEllipsis,
);
define(
  'notimplemented',
  PyNotImplementedType,
  () => null,
  () => PyNotImplemented,
);
define(
  'str',
  PyString,
  (v) => v.text,
  // Parts: characters beyond U+FFFF stand beside surrogates in a row, which no one string can tell apart.
  (p) => (Array.isArray(p.whole) ? new PyConverted('str', p.whole) : new PyString(isText(p.whole))),
);

define('buffer', NdArray, ndArrayPayload, (p) => {
  const kind = p.text();
  const format = p.text();
  const shape = p.items().map((n) => Number(isInteger(n)));
  const order = p.text();
  const readonly = p.next() === true;
  if (!BUFFER_KINDS.includes(kind) || (order !== 'C' && order !== 'F'))
    throw new TypeError(`no buffer ${kind}`);
  return readBuffer({ kind, format, shape, order, readonly } as BufferFacts, p.bytes(), p.strict);
});
for (const Class of NUMBER_ARRAYS) {
  builtinWriters.set(Class.prototype, { name: 'buffer', toPlain: typedArrayPayload });
}

readers.set('js:bytes', (p) => {
  const kind = p.text();
  const value = readBytes(kind, p.bytes());
  if (value === undefined) throw new TypeError(`no bytes of kind ${kind}`);
  return value;
});
for (const Class of [Buffer, DataView, ArrayBuffer, SharedArrayBuffer, Uint8ClampedArray]) {
  builtinWriters.set(Class.prototype, { name: 'js:bytes', toPlain: bytesPayload });
}

/** What Python's datetime holds: years 1 to 9999. */
const FIRST_MS = -62_135_596_800_000;
const LAST_MS = 253_402_300_799_999;
define(
  'js:Date',
  Date,
  (v) => {
    // Not `valueOf`: an own property of a Date may hide it.
    const ms = Date.prototype.getTime.call(v);
    if (Number.isNaN(ms)) throw new Refusal(v, 'an invalid Date');
    if (ms < FIRST_MS || ms > LAST_MS) throw new Refusal(v, "Python's datetime ends at the years 1 and 9999");
    return new PyFloat(ms);
  },
  (p) => new Date(isFloat(p.whole)),
);
readers.set('js:Map', (p) => {
  if (p.whole instanceof Map) return p.whole;
  throw new TypeError('no map');
});
readers.set('js:object', (p) => {
  if (!(p.whole instanceof Map)) throw new TypeError('no map');
  // Own properties, `__proto__` included; assigning would set the prototype.
  return Object.fromEntries([...p.whole].map(([key, value]) => [isText(key), value]));
});

reserveNames([...readers.keys(), 'view', SCALAR]);
