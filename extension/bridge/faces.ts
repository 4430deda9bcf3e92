/**
 * Purpose: which handle stands behind what code sees of a Python object.
 * Threads: JavaScript main thread only.
 * Must not know: what faces look like.
 */
import type { Ref } from './pyRef';

const refs = new WeakMap<object, Ref>();

/** Remembers that `face` is `ref` to code. */
export function setFace(face: object, ref: Ref): void {
  refs.set(face, ref);
  ref.face = face;
}

/** The handle behind a whole object's face; undefined for attribute paths and anything else. */
export function refOfFace(value: unknown): Ref | undefined {
  return (typeof value === 'object' || typeof value === 'function') && value !== null
    ? refs.get(value)
    : undefined;
}
