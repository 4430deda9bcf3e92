/** A trace file for the time of a measurement. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function withTraceFile<T>(use: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'symphony-bench-'));
  try {
    return await use(join(folder, 'bench.symtrace'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
