/**
 * Reads trace files from disk, also while they are being written.
 *
 * Reads only what is in use: the file is sparse and mostly empty.
 * Must not know: VS Code, the format (see `protocol/trace`).
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type ByteSource, TraceFormatError } from '../protocol/trace/byteSource';
import type { TraceModel } from '../protocol/trace/model';
import { readTrace } from '../protocol/trace/readTrace';
import { isAlive } from './processes';

/**
 * Reads the trace at `path`. Throws `TraceFormatError` for what is not a trace, naming the file, and Node's own error
 * when the file cannot be read.
 */
export function readTraceFile(path: string): TraceModel {
  const file = openSync(path, 'r');
  try {
    const model = readTrace(fileSource(file));
    // A writer that was killed, or ended without closing, left the file as it is now.
    model.live &&= isAlive(model.pid);
    return model;
  } catch (error) {
    if (error instanceof TraceFormatError) throw new TraceFormatError(`${path}: ${error.message}`);
    throw error;
  } finally {
    closeSync(file);
  }
}

function fileSource(file: number): ByteSource {
  return {
    size: fstatSync(file).size,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const got = readSync(file, bytes, done, length - done, offset + done);
        if (got === 0) throw new TraceFormatError(`the trace file is cut off at byte ${offset + done}`);
        done += got;
      }
      return bytes;
    },
  };
}
