/**
 * Purpose: what every host of the Conductor's Python offers, whatever process it is in.
 * Threads: JavaScript main thread only.
 * Must not know: VS Code, or which of the two hosts stands behind the interface.
 */
import type { BridgeError } from '../bridge/errors';
import type { ExposedFunctions } from '../bridge/hostCalls';
import type { Session } from '../bridge/session';
import type { Health } from './healthWatch';

/** Where the Conductor's Python runs. */
export type HostKind = 'embedded' | 'subprocess';

/** What may be asked for: `auto` is embedded where that is safe, else a child process. */
export const HOST_CHOICES = ['auto', 'embedded', 'subprocess'] as const;
export type HostChoice = (typeof HOST_CHOICES)[number];

/** Facts about a running host; they change only at `restart()`. */
export interface HostInfo {
  readonly kind: HostKind;
  /** Python's version, for instance `3.11.7`. */
  readonly version: string;
  /** `sys.executable`: the interpreter the user chose, never the editor's own binary. */
  readonly executable: string;
  readonly prefix: string;
  /** Process that runs Python. */
  readonly pid: number;
  /** The recorder's file; null when nothing is recorded. */
  readonly traceFile: string | null;
  /** The directory that holds the Pit's durable state; null leaves the choice to Python. */
  readonly pitHome: string | null;
  /** Why this kind of host, in words for a person. */
  readonly reason: string;
  /** `auto` would have embedded it, but for an earlier crash. */
  readonly fellBack: boolean;
}

/** How a host ended. */
export interface HostExit {
  /** True when `stop()` or `restart()` asked for it. */
  readonly expected: boolean;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last of what the process wrote to stderr, at most 64 KB. */
  readonly stderrTail: string;
}

/** For a sentence: `with exit code 3`, `by SIGSEGV`. */
export function describeExit({ exitCode, signal }: Pick<HostExit, 'exitCode' | 'signal'>): string {
  return signal === null ? `with exit code ${exitCode}` : `by ${signal}`;
}

/** A piece of what Python printed, in order per stream, not cut at lines. */
export interface HostOutput {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** What `on…` methods return; call it to stop listening. */
export interface Disposable {
  dispose(): void;
}

/** One running Python. Methods reject with `BridgeError`s only. */
export interface ConductorHost {
  readonly kind: HostKind;
  readonly info: HostInfo;
  /** Calls and exposed functions; a restart makes a new one. */
  readonly session: Session;
  /** False after `stop()` and after a crash, until `restart()`. */
  readonly running: boolean;
  /** Whether Python answers; looked at while calls are in flight. */
  readonly health: Health;
  /** Lets Python call `name.function(…)`; the newest of a name answers. Survives restarts, ends with `stop()`. */
  expose(name: string, functions: ExposedFunctions): Disposable;
  /**
   * Ends the host: calls in flight fail with `BridgeClosed`, the child process is gone when
   * the promise resolves. Safe to call twice.
   */
  stop(): Promise<void>;
  /** Stops what still runs and starts anew with the same options and exposed functions. */
  restart(): Promise<void>;
  /**
   * Ends Python at once, for code that does not listen; calls in flight fail with `reason`. Absent
   * where Python shares our process. The next call starts it again.
   */
  kill?(reason: BridgeError): Promise<void>;
  /** Resolves when everything printed before now has reached the listeners. */
  drainOutput(): Promise<void>;
  onDidExit(listener: (exit: HostExit) => void): Disposable;
  onDidOutput(listener: (output: HostOutput) => void): Disposable;
  onDidChangeHealth(listener: (health: Health) => void): Disposable;
}
