/**
 * What all carriers share. Pure data; any thread; knows nothing of packs.
 */
import { isDeepStrictEqual } from 'node:util';

/**
 * A Python value that JavaScript has no type for. It goes back to Python as the same type and value. Immutable where
 * Python's type is.
 */
export abstract class Carrier {
  /** How Python would write it. */
  abstract toString(): string;

  /** Same type and content; unlike Python's `==`, `Decimal('1.0')` and `Decimal('1.00')` differ. */
  equals(other: unknown): boolean {
    return isDeepStrictEqual(this, other);
  }

  /** What `console.log` and `util.inspect` show. */
  [Symbol.for('nodejs.util.inspect.custom')](..._how: unknown[]): string {
    return this.toString();
  }
}

/** A number of any size. */
export type AnyInt = number | bigint;

/** `repr` of what Python would call a str. */
export function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n')}'`;
}

/** How Python would write a value that a carrier holds. */
export function written(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value) && !(value as { type?: string }).type) return `[${value.map(written).join(', ')}]`;
  return String(value);
}
