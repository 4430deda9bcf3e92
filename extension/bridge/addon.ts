/**
 * Purpose: finds and loads the native addon; the only place that knows its file names.
 * Threads: JavaScript main thread only. The addon is loaded once per process and never unloaded.
 * Must not know: sessions, frames' meaning, how an interpreter was chosen.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { CallbackAddon, SyncAddon } from './codec';
import { BridgeError } from './errors';

/** What Python is started with; possible once per process. */
export interface StartOptions {
  /** Path of the chosen interpreter; becomes `sys.executable` and decides the prefix. */
  program: string;
  /** Folder that holds the package `symphony_bridge`. */
  packagePath: string;
  /** The recorder's file; null records nothing. */
  traceFile: string | null;
}

/** What the started Python says of itself. */
export interface StartedPython {
  version: string;
  prefix: string;
  executable: string;
}

/** The addon proper, `symphony.node`. */
export interface Addon extends SyncAddon, CallbackAddon {
  start(options: StartOptions): StartedPython;
  /**
   * Begins a connection; frames from Python come whole, on the JavaScript thread. `now`: Python waits on this very
   * thread, so answers must leave before `onData` returns.
   */
  connect(onData: (chunk: ArrayBuffer, now?: true) => void): void;
  /** Whether the connection keeps the process alive; at first it does not. */
  keepAlive(hold: boolean): void;
  /**
   * Output that waits, which `onData` then does not see. After `poll(true)` nobody is told of output: whoever
   * stays has to poll again, the last time with `false`.
   */
  poll(stay: boolean): ArrayBuffer | undefined;
  /** Copies whole frames to Python; never blocks. */
  submit(frames: Uint8Array): void;
  /** Ends the connection: cancels what runs, flushes the recorder. Python stays; `connect` begins anew. */
  close(): void;
}

interface Loader {
  open(libpython: string): void;
}

/** Where the native builds lie below the product's root. */
export function addonPaths(root: string): { loader: string; addon: string } {
  const folder = join(root, 'native', 'addon', 'build', 'Release');
  return { loader: join(folder, 'loader.node'), addon: join(folder, 'symphony.node') };
}

/** Whether the native addon is built here. */
export function hasAddon(root: string): boolean {
  const { loader, addon } = addonPaths(root);
  return existsSync(loader) && existsSync(addon);
}

/**
 * Opens libpython for the whole process and loads the addon against it.
 * @throws BridgeError `embedding-failed` with the loader's reason
 */
export function loadAddon(root: string, libpython: string): Addon {
  const { loader, addon } = addonPaths(root);
  // A bundler must not follow these: they exist only at run time.
  const load = createRequire(join(root, 'package.json'));
  try {
    (load(loader) as Loader).open(libpython);
    return load(addon) as Addon;
  } catch (error) {
    throw new BridgeError(
      `Python cannot be loaded into this process from ${libpython}: ${(error as Error).message}`,
      {
        code: 'embedding-failed',
        hint: 'Use the subprocess host, or choose a Python built with a shared library.',
        cause: error,
      },
    );
  }
}
