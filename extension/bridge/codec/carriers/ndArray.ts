/**
 * NdArray: what Python keeps in a buffer (memoryview, array, NumPy), as its bytes with what they mean. Pure data; any
 * thread; knows nothing of packs.
 */
import { Carrier } from './carrier';
import { type ElementReader, elementReader, itemSize, type NumberArray, typedView } from './ndElements';

/** What owns the buffer in Python. */
export type BufferKind = 'memoryview' | 'array' | 'ndarray' | 'scalar' | 'typedarray';
export const BUFFER_KINDS: readonly string[] = ['memoryview', 'array', 'ndarray', 'scalar', 'typedarray'];

/** Everything an {@link NdArray} says about its bytes. */
export interface BufferFacts {
  kind: BufferKind;
  /** A character of Python's `struct` (memoryview, array), or NumPy's `dtype.str`: `<f8`, `|b1`, `<U5`. */
  format: string;
  shape: readonly number[];
  /** `C`: the last index runs fastest; `F`: the first. */
  order: 'C' | 'F';
  readonly: boolean;
}

/** A copy of a Python buffer; it goes back as the same kind, type, shape and order. */
export class NdArray extends Carrier implements BufferFacts {
  readonly kind: BufferKind;
  readonly format: string;
  readonly shape: readonly number[];
  readonly order: 'C' | 'F';
  readonly readonly: boolean;

  /**
   * @param data the elements without gaps, in their order
   * @throws RangeError when the bytes do not fill the shape
   */
  constructor(
    facts: BufferFacts,
    readonly data: Uint8Array<ArrayBuffer>,
  ) {
    super();
    this.kind = facts.kind;
    this.format = facts.format;
    this.shape = Object.freeze([...facts.shape]);
    this.order = facts.order;
    this.readonly = facts.readonly;
    const size = itemSize(this.format);
    if (size !== undefined && size * this.size !== data.byteLength) {
      throw new RangeError(`${data.byteLength} bytes do not fill ${this.toString()}`);
    }
    Object.freeze(this);
  }

  /** Number of elements. */
  get size(): number {
    return this.shape.reduce((product, n) => product * n, 1);
  }

  /** Bytes of one element. */
  get itemSize(): number {
    return itemSize(this.format) ?? (this.size === 0 ? 0 : this.data.byteLength / this.size);
  }

  /**
   * One element: number, boolean, bigint (64-bit integers, dates and time spans of NumPy), string, {@link PyComplex};
   * bytes for what JavaScript has no form of.
   *
   * @param index one per dimension; negative ones count from the end
   * @throws RangeError outside the shape
   */
  get(...index: number[]): unknown {
    return this.reader()(this.offset(index));
  }

  /** All elements as nested arrays; the element itself for a scalar. */
  toArray(): unknown {
    const read = this.reader();
    const nest = (index: number[]): unknown => {
      if (index.length === this.shape.length) return read(this.offset(index));
      return Array.from({ length: this.shape[index.length] }, (_, i) => nest([...index, i]));
    };
    return nest([]);
  }

  /** The elements as they lie in memory, as a TypedArray over `data`; undefined for types without one. */
  typed(): NumberArray | undefined {
    return typedView(this.format, this.data);
  }

  toString(): string {
    return `NdArray(${this.kind}, '${this.format}', ${this.shape.join(' × ') || 'scalar'})`;
  }

  private reader(): ElementReader {
    return elementReader(this.format, this.data, this.itemSize);
  }

  private offset(index: readonly number[]): number {
    const { shape } = this;
    if (index.length !== shape.length) {
      throw new RangeError(`${index.length} indices for ${shape.length} dimensions`);
    }
    let at = 0;
    let stride = 1;
    for (let k = 0; k < shape.length; k++) {
      // The fastest dimension first.
      const d = this.order === 'C' ? shape.length - 1 - k : k;
      const i = index[d] < 0 ? index[d] + shape[d] : index[d];
      if (!(i >= 0 && i < shape[d])) throw new RangeError(`index ${index[d]} of ${shape[d]}`);
      at += i * stride;
      stride *= shape[d];
    }
    return at;
  }
}
