/**
 * Purpose: builds the component of `examples/rust-component`, as its README says.
 * Threads: JavaScript main thread only; waits for the build.
 * Must not know: what is tested.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

export const EXAMPLE = join(ROOT, 'examples', 'rust-component');

/** Puts the module `text_index` into a folder. */
export function buildExample(folder: string): void {
  const args = [join(ROOT, 'scripts', 'component.mjs'), EXAMPLE, folder];
  const env = { ...process.env, CARGO_TARGET_DIR: join(ROOT, 'native', 'target', 'component') };
  execFileSync(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
}
