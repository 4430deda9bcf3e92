/** Runs the benchmark's Python scripts in the project's own environment. */
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { env } from 'node:process';

/** The product's folder; the bundle of the benchmarks lies in `dist`. */
export const root = join(__dirname, '..');
export const python = join(root, '.venv', 'bin', 'python');
export const scripts = join(root, 'bench', 'python');

/** Runs a script of `bench/python` and reads the JSON that it prints. */
export function runPython<T>(script: string, input?: unknown): T {
  const run = spawnSync(python, [join(scripts, script)], {
    input: input === undefined ? undefined : JSON.stringify(input),
    env: { ...env, PYTHONPATH: [join(root, 'python'), env.PYTHONPATH].filter(Boolean).join(delimiter) },
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (run.status !== 0) throw new Error(`bench/python/${script} failed: ${run.error ?? run.stderr}`);
  return JSON.parse(run.stdout) as T;
}
