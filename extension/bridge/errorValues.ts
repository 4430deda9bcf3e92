/**
 * Purpose: errors that cross as values, not thrown: an Error is an exception in Python, and comes back
 * as the same object.
 * Threads: JavaScript main thread only.
 * Must not know: sessions; an error that is an exception of Python's goes by its reference.
 */
import { types } from 'node:util';
import { addEntry, reserveNames } from './codec/converters';
import { BridgeError, errorFromPayload, payloadFromError } from './errors';
import { ByHandle } from './hostCalls';

/** Twin: the converter of the same name in `python/symphony_bridge/_converters.py`. */
const NAME = 'error';

/** Lets errors cross as values; any number of times. A converter of a program's own comes first. */
export function registerErrors(): void {
  reserveNames([NAME]);
  addEntry({
    name: NAME,
    matches,
    toPlain: (error) => payloadFromError(error, { referTo: (value) => new ByHandle(value) }),
    fromPlain: (payload) => {
      const error = errorFromPayload(payload);
      return error.original === undefined ? error : error.original;
    },
    priority: Number.NEGATIVE_INFINITY,
    depth: 0,
  });
}

function matches(value: object): boolean {
  try {
    if (!types.isNativeError(value) && !(value instanceof Error)) return false;
    return !(value instanceof BridgeError) || value.exception === null;
  } catch {
    // A proxy whose traps throw is no error that could be told.
    return false;
  }
}
