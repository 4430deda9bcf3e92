/**
 * Carriers of Python's numbers. Pure data; any thread; know nothing of packs.
 */
import { type AnyInt, Carrier } from './carrier';

/**
 * A Python float whose value is an integer, where the difference matters: what `{strict: true}` gives, and what reaches
 * Python as a float in any case.
 */
export class PyFloat extends Carrier {
  constructor(readonly value: number) {
    super();
    Object.freeze(this);
  }

  override valueOf(): number {
    return this.value;
  }

  toJSON(): number {
    return this.value;
  }

  toString(): string {
    return floatText(this.value);
  }
}

/** A Python complex number. */
export class PyComplex extends Carrier {
  constructor(
    readonly real: number,
    readonly imag: number,
  ) {
    super();
    Object.freeze(this);
  }

  /** Its distance from 0. */
  abs(): number {
    return Math.hypot(this.real, this.imag);
  }

  toString(): string {
    const sign = this.imag < 0 || Object.is(this.imag, -0) ? '-' : '+';
    return `(${shortText(this.real)}${sign}${shortText(Math.abs(this.imag))}j)`;
  }
}

/** A Python decimal number, in the digits Python wrote: `1.10`, `1E+3`, `NaN`. */
export class PyDecimal extends Carrier {
  constructor(readonly text: string) {
    super();
    if (!DECIMAL.test(text)) throw new TypeError(`no decimal number: ${JSON.stringify(text)}`);
    Object.freeze(this);
  }

  /** The nearest number; digits beyond 17 are lost. */
  toNumber(): number {
    const text = this.text.toLowerCase();
    if (text.includes('nan')) return Number.NaN;
    if (text.includes('inf'))
      return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    return Number(text);
  }

  override valueOf(): number {
    return this.toNumber();
  }

  toJSON(): string {
    return this.text;
  }

  toString(): string {
    return this.text;
  }
}

/** A Python fraction in lowest terms. */
export class PyFraction extends Carrier {
  readonly numerator: AnyInt;
  readonly denominator: AnyInt;

  constructor(numerator: AnyInt, denominator: AnyInt = 1) {
    super();
    const bottom = BigInt(denominator);
    if (bottom === 0n) throw new RangeError('a fraction cannot be over 0');
    const top = BigInt(numerator);
    const common = divisor(top, bottom) * (bottom < 0n ? -1n : 1n);
    this.numerator = plain(top / common);
    this.denominator = plain(bottom / common);
    Object.freeze(this);
  }

  /** The nearest number. */
  toNumber(): number {
    return Number(this.numerator) / Number(this.denominator);
  }

  override valueOf(): number {
    return this.toNumber();
  }

  toString(): string {
    return BigInt(this.denominator) === 1n ? `${this.numerator}` : `${this.numerator}/${this.denominator}`;
  }
}

const DECIMAL = /^[+-]?(\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?|inf(inity)?|s?nan\d*)$/i;

function divisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x === 0n ? 1n : x;
}

function plain(value: bigint): AnyInt {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function shortText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function floatText(value: number): string {
  const text = shortText(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
