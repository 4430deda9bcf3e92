/**
 * Purpose: runs a Conductor script to its end, and stops it when asked.
 * Threads: JavaScript main thread; the script runs on a worker (embedded) or on Python's main thread (child).
 * Must not know: VS Code, who shows the output.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BridgeError, CallCancelled } from '../bridge/errors';
import type { LeakedHandle } from './liveHandles';
import type { Bridge } from './openBridge';

/** How a script is run. */
export interface RunOptions {
  /** `sys.argv` after the script's path. */
  args?: readonly string[];
  /** Aborting it stops the script. */
  signal?: AbortSignal;
}

/** What a script left that came to its own end. */
export interface RunResult {
  exitCode: number;
  leaks: LeakedHandle[];
}

/** How a run ended. */
export type RunEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'stopped' }
  /** Nothing could stop it inside this process: it was left to itself, and may still be running. */
  | { readonly kind: 'abandoned'; readonly error: BridgeError }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Polite means get this long; with the kill after it, Stop takes less than a second. */
const POLITE_STOP_MS = 700;

/**
 * Runs the file as `python FILE ARGS` would, and resolves when all it printed was delivered.
 * @throws CallCancelled when it was stopped; PythonError, PitError or HostError for what it raised;
 *   BridgeError `abandoned` when it cannot be stopped inside this process; `script-not-found`
 */
export async function runScript(bridge: Bridge, path: string, options: RunOptions = {}): Promise<RunResult> {
  const { args = [], signal } = options;
  const script = resolve(path);
  await checkScript(script);
  const stopping = bridge.host.kill ? killWhenDeaf(bridge, signal) : null;
  try {
    const result = await bridge.call<{ exit_code: number; leaks?: LeakedHandle[] }>(
      'symphony_bridge._runner:run_script',
      [script, [...args]],
      { signal, mainThread: bridge.kind === 'subprocess' },
    );
    return { exitCode: result.exit_code, leaks: result.leaks ?? [] };
  } finally {
    stopping?.dispose();
    await bridge.host.drainOutput();
  }
}

/** The end of a run that `runScript` has rejected; `signal` is the one that stops it. */
export function endOf(error: unknown, signal: AbortSignal): RunEnd {
  if (signal.aborted && error instanceof CallCancelled) return { kind: 'stopped' };
  const isAbandoned = error instanceof BridgeError && error.code === 'abandoned';
  return signal.aborted && isAbandoned ? { kind: 'abandoned', error } : { kind: 'failed', error };
}

async function checkScript(script: string): Promise<void> {
  const info = await stat(script).catch(() => null);
  if (info?.isFile()) return;
  throw new BridgeError(info ? `${script} is not a file` : `there is no script ${script}`, {
    code: 'script-not-found',
    hint: 'Check the path; it is relative to the current directory.',
  });
}

/** A child can always be stopped: what ignores the polite way goes with its process. */
function killWhenDeaf(bridge: Bridge, signal: AbortSignal | undefined): { dispose(): void } {
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => void bridge.host.kill?.(killed()), POLITE_STOP_MS);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    dispose: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

function killed(): CallCancelled {
  return new CallCancelled('the script was stopped', {
    notes: [
      `It did not end within ${POLITE_STOP_MS} ms, so its process was ended; the next run begins a new one.`,
    ],
  });
}
