/**
 * Pack layout: the tags of the value form that TypeScript and Rust exchange.
 *
 * Twin: `native/core/src/pack.rs`. A test compares the two lists.
 * Knows nothing of values, frames or transports. Any thread.
 */

/** Tag of an op: `op = tag | arg << 8`; `arg` has 24 bits, unsigned unless the tag says otherwise. */
export enum Tag {
  NONE = 0,
  UNDEFINED = 1,
  TRUE = 2,
  FALSE = 3,
  /** arg: the value, signed 24-bit. */
  INT = 4,
  /** One of nums: a safe integer. */
  INT53 = 5,
  /** One of nums. */
  FLOAT = 6,
  /** A list of arg floats, all from nums. */
  FLOATS = 7,
  /** arg Latin-1 characters of chars. */
  STR = 8,
  /** arg UTF-16LE code units, 2 * arg bytes of chars, unaligned; lone surrogates are kept. */
  STR16 = 9,
  /** arg u32 words follow the next op, which is the sign (0 or 1); least significant word first. */
  BIGINT = 10,
  /** arg bytes of chars. */
  BYTES = 11,
  /** Bytes: the segment with index arg. */
  SEGMENT = 12,
  LIST = 13,
  TUPLE = 14,
  SET = 15,
  FROZENSET = 16,
  /** arg pairs follow: key, value, key, value. */
  MAP = 17,
  /** Defines the frame's next shape id: arg keys follow as strings, then the values as for OBJECT. */
  SHAPE = 18,
  /** arg: shape id; its values follow in the order of the keys. */
  OBJECT = 19,
  /** A type name (`module:qualname`) and one SHAPE or OBJECT with the fields follow. */
  DATACLASS = 20,
  /** An object of the receiver's own; its handle is one of nums. */
  REF = 21,
  /** arg bytes of chars. */
  BYTEARRAY = 22,
  /** The container that the op with index arg began, once more; that op has the bit {@link KEPT}. */
  BACK = 23,
  /**
   * A value by a converter: arg 0 introduces the converter whose name follows as a string, arg n is the nth introduced
   * in this pack; then the converter's own form of the value, as one value.
   */
  EXT = 24,
  /** An object of the sender's that stays there: arg is {@link Trait} bits, its handle one of nums, its label follows as a string. */
  PROXY = 25,
}

/** An arg of this value says: the real one is the next op, as a full u32. */
export const WIDE_ARG = 0xffffff;

/** Containers may nest this deep on every side; deeper values are refused, never a stack overflow. */
export const MAX_DEPTH = 1000;

/** Bit of an op's tag: the container it begins is met again, by a {@link Tag.BACK} with the index of this op. */
export const KEPT = 0x80;

/** Bits of {@link Tag.PROXY}'s arg: what the sender's object can do, so that its stand-in can do it, too. */
export enum Trait {
  CALLABLE = 1,
  AWAITABLE = 1 << 1,
  ITERATOR = 1 << 2,
  ASYNC_ITERATOR = 1 << 3,
  ITERABLE = 1 << 4,
  ASYNC_ITERABLE = 1 << 5,
  CONTEXT = 1 << 6,
  ASYNC_CONTEXT = 1 << 7,
  CLASS = 1 << 8,
  MODULE = 1 << 9,
  EXCEPTION = 1 << 10,
  SYMBOL = 1 << 11,
  /** An iterator, asynchronous or not, that can be closed and thrown into. */
  GENERATOR = 1 << 12,
}
