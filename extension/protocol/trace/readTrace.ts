/**
 * Entry of the reader: bytes in, `TraceModel` out. Works on a file that is being written, that was closed, or whose
 * writer was killed.
 *
 * Must not know: files, who asks.
 */
import { assemble } from './assemble';
import type { ByteSource } from './byteSource';
import type { TraceModel } from './model';
import { readHeader, readRing, readStrings } from './rawFile';

/** Reads a trace. Throws `TraceFormatError` when it is none, is cut off, or is damaged. */
export function readTrace(source: ByteSource): TraceModel {
  const header = readHeader(source);
  const rings = Array.from({ length: header.rings.used }, (_, slot) => readRing(source, header, slot));
  // The strings come after the events, so that every name an event uses is there.
  const strings = readStrings(source, readHeader(source));
  return assemble(header, rings, strings);
}
