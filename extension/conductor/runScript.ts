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
import { LimitGuard, type RunLimits } from './runLimits';

/** How a script is run. */
export interface RunOptions {
  /** `sys.argv` after the script's path. */
  args?: readonly string[];
  /** Aborting it stops the script. */
  signal?: AbortSignal;
  limits?: RunLimits;
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

const LIMITS: ReadonlySet<string> = new Set(['time-limit', 'memory-limit']);

const RUN_SCRIPT = 'symphony_bridge._runner:run_script';

/** What `run_script` gives. */
interface Ended {
  exit_code: number;
  leaks?: LeakedHandle[];
}

/** Polite means get this long; with the kill after it, Stop takes less than a second. */
const POLITE_STOP_MS = 700;

/**
 * Runs the file as `python FILE ARGS` would, and resolves when all it printed was delivered.
 * @throws CallCancelled when it was stopped; PythonError, PitError or HostError for what it raised;
 *   BridgeError `time-limit` or `memory-limit` when it had to be stopped; `abandoned` when it cannot be
 *   stopped inside this process, which is the cause of a limit's error; `script-not-found`
 */
export async function runScript(bridge: Bridge, path: string, options: RunOptions = {}): Promise<RunResult> {
  const { args = [], limits = {} } = options;
  const script = resolve(path);
  await checkScript(script);
  const isChild = bridge.kind === 'subprocess';
  const guard = new LimitGuard(limits, isChild ? () => bridge.info.pid : undefined);
  const signal = AbortSignal.any([guard.signal, ...(options.signal ? [options.signal] : [])]);
  const stopping = bridge.host.kill ? killWhenDeaf(bridge, signal, guard) : null;
  try {
    const result = await bridge
      .call<Ended>(RUN_SCRIPT, [script, [...args]], { signal, mainThread: isChild })
      .catch((error: unknown) => {
        throw guard.errorFor(error);
      });
    // A script may take its interruption for a wish that it ends well.
    if (guard.signal.aborted) throw guard.errorFor(undefined);
    return { exitCode: result.exit_code, leaks: result.leaks ?? [] };
  } finally {
    guard.dispose();
    stopping?.dispose();
    await bridge.host.drainOutput();
  }
}

/** The end of a run that `runScript` has rejected; `signal` is the one that stops it. */
export function endOf(error: unknown, signal: AbortSignal): RunEnd {
  if (signal.aborted && error instanceof CallCancelled) return { kind: 'stopped' };
  // A limit that could not be enforced has it as its cause.
  const limited = error instanceof BridgeError && LIMITS.has(error.code);
  const last = limited ? error.cause : error;
  const isAbandoned = last instanceof BridgeError && last.code === 'abandoned';
  if (isAbandoned && (limited || signal.aborted)) return { kind: 'abandoned', error: error as BridgeError };
  return { kind: 'failed', error };
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
function killWhenDeaf(bridge: Bridge, signal: AbortSignal, guard: LimitGuard): { dispose(): void } {
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    const patience = guard.isUrgent ? 0 : POLITE_STOP_MS;
    timer = setTimeout(() => void bridge.host.kill?.(killed(patience)), patience);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    dispose: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

function killed(patience: number): CallCancelled {
  return new CallCancelled('the script was stopped', {
    notes: [`It did not end within ${patience} ms, so its process was ended; the next run begins a new one.`],
  });
}
