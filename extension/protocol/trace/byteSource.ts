/**
 * Where trace bytes come from, and what is said when they are not a trace.
 *
 * Must not know: files (`extension/conductor/traceFile.ts` reads those).
 */

/** Random access to a trace file that another process may be writing. */
export interface ByteSource {
  /** Bytes there are. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`, read now; the caller asks within `size` only. */
  read(offset: number, length: number): Uint8Array;
}

/** The bytes are not a trace, or not one this reader understands. The message is for a person. */
export class TraceFormatError extends Error {
  override name = 'TraceFormatError';
}

/** A whole trace in memory. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return { size: bytes.byteLength, read: (offset, length) => bytes.subarray(offset, offset + length) };
}
