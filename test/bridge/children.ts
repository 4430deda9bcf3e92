/**
 * Purpose: programs in processes of their own, for tests of exits and crashes, and what they leave.
 * Threads: JavaScript main thread only.
 * Must not know: what is tested.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { buildSync } from 'esbuild';

export { isAlive, isGoneWithin } from './alive';

const ROOT = join(__dirname, '..', '..');
const TIMEOUT_MS = 60_000;

const bundles = new Map<string, string>();
after(() => {
  for (const bundle of bundles.values()) rmSync(bundle, { force: true });
});

/**
 * A program as one file, for a process or a Worker. They start many times: bundled, they start in a fraction of the
 * time.
 */
export function bundleOf(source: string): string {
  const known = bundles.get(source);
  if (known) return known;
  // Below the product's folder, which programs look for from where they lie.
  const bundle = join(ROOT, 'dist', 'test', 'programs', `${basename(source, '.ts')}-${process.pid}.cjs`);
  const entry = join(ROOT, source);
  buildSync({
    entryPoints: [entry],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    target: 'node20',
    external: ['*.node'],
  });
  bundles.set(source, bundle);
  return bundle;
}

/** How a program ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A running TypeScript program. */
export class Program {
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  readonly child: ChildProcessWithoutNullStreams;

  /**
   * @param source path of the program, from the product's root
   * @param patienceMs how long it may take before it is killed
   */
  constructor(
    source: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    cwd = ROOT,
    patienceMs = TIMEOUT_MS,
  ) {
    const run = ['--enable-source-maps', bundleOf(source), ...args];
    this.child = spawn(process.execPath, run, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' });
    this.child.stdin.end();
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    const timer = setTimeout(() => this.child.kill('SIGKILL'), patienceMs);
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        clearTimeout(timer);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** Waits until its output holds a match, and gives it. */
  async saw(pattern: RegExp): Promise<RegExpExecArray> {
    const until = Date.now() + TIMEOUT_MS;
    while (Date.now() < until && this.child.exitCode === null) {
      const match = pattern.exec(this.stdout);
      if (match) return match;
      await delay(10);
    }
    const match = pattern.exec(this.stdout);
    if (match) return match;
    throw new Error(`${pattern} was not printed\n${this.stdout}\n${this.stderr}`);
  }
}

/** The folders of sockets in a temporary folder. */
export function socketFolders(folder = tmpdir()): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('symphony-'));
}
