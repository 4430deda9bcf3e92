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

/** How a script ended. */
export interface RunResult {
  exitCode: number;
  leaks: LeakedHandle[];
}

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
