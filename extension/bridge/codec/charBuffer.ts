/**
 * Buffer's single-encoding methods, which skip the look-up of an encoding's name. Node has had them since its first
 * releases and uses them itself; its type declarations leave them out.
 */
export interface CharBuffer extends Buffer {
  latin1Write(text: string, offset: number, length: number): number;
  ucs2Write(text: string, offset: number, bytes: number): number;
  latin1Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
}

/** Fresh memory outside Node's shared pool. */
export function allocateChars(bytes: number): CharBuffer {
  return Buffer.allocUnsafeSlow(bytes) as unknown as CharBuffer;
}

/** A view of memory as characters. */
export function viewChars(bytes: Uint8Array): CharBuffer {
  return Buffer.from(
    bytes.buffer as ArrayBuffer,
    bytes.byteOffset,
    bytes.byteLength,
  ) as unknown as CharBuffer;
}
