/**
 * What the codec asks the session about references. Types only.
 */

/** A reference on the wire, as the side that receives it sees it. */
export type WireRef =
  /** An object of the receiver's own. */
  | { own: true; handle: number }
  /** An object of the sender's: `traits` are bits of `Trait`, `label` names it in messages. */
  | { own: false; handle: number; traits: number; label: string };

export interface RefContext {
  /**
   * Asked for every function and for every object that is not plain (prototype neither `Object.prototype` nor null, and
   * no type the codec converts itself), before it is refused: so a bridge proxy must be a function or have its own prototype.
   * @returns its reference, or undefined when the value is no bridge reference
   */
  refOf(value: unknown): WireRef | undefined;
  /** Our own value that the other side refers to. */
  ownValue(handle: number): unknown;
  /** Makes the stand-in for an object of the other side's; see {@link WireRef}. */
  makeProxy(handle: number, traits: number, label: string): unknown;
}

/** Refuses every reference. */
export const NO_REFS: RefContext = {
  refOf: () => undefined,
  ownValue: unreadable,
  makeProxy: unreadable,
};

function unreadable(handle: number): never {
  throw new TypeError(`a reference (handle ${handle}) cannot be read here`);
}
