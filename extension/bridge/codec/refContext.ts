/**
 * What the codec asks the session about references. Types only.
 */

/** A reference on the wire, as the side that receives it sees it. */
export type WireRef =
  /** An object of the receiver's own. */
  | { own: true; handle: number }
  /** An object of the sender's: `traits` are bits of `Trait`, `label` names it in messages. */
  | { own: false; handle: number; traits: number; label: string };

/** Who knows the line that makes a call. */
export interface CallSite {
  /** `file:line`; finding it out takes longer than packing most calls. */
  site(): string | null;
}

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

/** Takes back references that were given out for a pack that failed. Packs may be written inside others. */
export interface PackTracker {
  /** A pack begins. Its mark goes to `end`. */
  begin(): number;
  end(mark: number, packed: boolean): void;
}

export const NO_TRACKER: PackTracker = { begin: () => 0, end: () => {} };

/** Refuses every reference. */
export const NO_REFS: RefContext = {
  refOf: () => undefined,
  ownValue: unreadable,
  makeProxy: unreadable,
};

function unreadable(handle: number): never {
  throw new TypeError(`a reference (handle ${handle}) cannot be read here`);
}
