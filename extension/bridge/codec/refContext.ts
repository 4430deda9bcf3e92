/**
 * What the codec asks the session about references. Types only.
 */

/** A handle on the wire: kind 0 is the receiver's own object, kind 1 an object of the sender. */
export interface WireRef {
  kind: 0 | 1;
  handle: number;
}

export interface RefContext {
  /**
   * Asked for every function and for every object that is not plain (prototype neither `Object.prototype` nor null, and
   * no type the codec converts itself), before it is refused: so a bridge proxy must be a function or have its own prototype.
   * @returns its reference, or undefined when the value is no bridge reference
   */
  refOf(value: unknown): WireRef | undefined;
  /** Makes the value for an arriving reference; kinds as they arrive: 0 is ours, 1 the sender's. */
  makeRef(kind: 0 | 1, handle: number): unknown;
}

/** Refuses every reference. */
export const NO_REFS: RefContext = {
  refOf: () => undefined,
  makeRef: (_kind, handle) => {
    throw new TypeError(`a reference (handle ${handle}) cannot be read here`);
  },
};
