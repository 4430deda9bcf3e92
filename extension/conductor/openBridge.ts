/**
 * Purpose: the front door: chooses interpreter and host, and gives the bridge to Python.
 * Threads: JavaScript main thread only.
 * Must not know: VS Code.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CycleReport } from '../bridge/cycles';
import { BridgeClosed, BridgeError } from '../bridge/errors';
import type { ExposedFunctions } from '../bridge/hostCalls';
import type { CallOptions, PyObject } from '../bridge/refs';
import type { NamedCallOptions, Session } from '../bridge/session';
import { captureCaller } from '../bridge/stack';
import type { SyncCalls, SyncSession } from '../bridge/syncSession';
import { chooseHost } from './chooseHost';
import type { BlackBox } from './crash/blackBox';
import { EmbeddedHost } from './embeddedHost';
import { userEnvironment } from './environment';
import type { Health } from './healthWatch';
import type { ConductorHost, Disposable, HostChoice, HostExit, HostInfo, HostOutput } from './host';
import type { InterpreterSearch } from './interpreter';
import { type HostPhase, type RestartPolicy, Supervisor } from './supervisor';

export * from '../bridge/codec/values';
export { strict } from '../bridge/strict';
export type { RestartPolicy } from './supervisor';

/** What `openBridge` may be told; everything is optional. */
export interface OpenOptions {
  /** `auto` (the default) is embedded where that is safe, else a child process; `info.reason` tells why. */
  host?: HostChoice;
  /** Path of the interpreter; without it, see `InterpreterSearch`. */
  python?: string;
  /** Folder whose `.venv` or `venv` is looked at, and where Python starts. Default: the current directory. */
  workspace?: string;
  /** Asks the editor's Python extension for its choice; rejections and undefined mean no choice. */
  pythonExtension?: InterpreterSearch['pythonExtension'];
  /** Where this product is installed; found by itself except in unusual layouts. */
  root?: string;
  /** The recorder's file; null or absent records nothing. Its folder must exist. */
  traceFile?: string | null;
  /** The Pit's durable state; absent: `.symphony` in the workspace. */
  pitHome?: string | null;
  /**
   * Extra environment for Python. In the embedded host it is set for the whole process, by the bridge that starts Python.
   * A Worker's `process.env` is a copy that Python does not see: a Worker that starts Python and has something to say here,
   * or a `pitHome`, needs `new Worker(file, { env: SHARE_ENV })`.
   */
  env?: Readonly<Record<string, string>>;
  /** When a child that crashes again and again is not started any more by itself. Default: see `DEFAULT_POLICY`. */
  restartPolicy?: RestartPolicy;
  /** Folder where the result of the embedding probe is kept between runs. */
  cacheDir?: string;
  /** Keeps what is known of crashes, and lets `auto` learn from them; absent keeps nothing. */
  blackBox?: BlackBox;
  /** One line per decision, for a log. */
  log?(line: string): void;
}

/**
 * Python, ready to be called. Promises reject with `BridgeError`s only.
 *
 * A subprocess bridge has its Python to itself. Embedded bridges of a process share one: modules, what is printed, the
 * recorder's file and the Pit's home (the first bridge's), the names of exposed functions, and the session, so that a
 * restart of one ends the calls of all. A bridge's listeners and exposed functions are its own and end with it.
 */
export interface Bridge {
  readonly kind: ConductorHost['kind'];
  readonly info: HostInfo;
  /** The host behind the bridge. */
  readonly host: ConductorHost;
  /** False after `close()` and after a crash, until `restart()`. */
  readonly running: boolean;
  /** Whether Python answers. */
  readonly health: Health;
  /** Imports a module: `const stats = await bridge.import('statistics')`. */
  import(module: string, options?: CallOptions): Promise<PyObject>;
  /** Calls `module:attribute.attribute`. */
  call<T = unknown>(name: string, args?: readonly unknown[], options?: NamedCallOptions): Promise<T>;
  /** As `call`, but the result stays in Python. */
  callRef(name: string, args?: readonly unknown[], options?: NamedCallOptions): Promise<PyObject>;
  /** Lets Python call `name.function(…)`; the newest of a name answers. Survives restarts, ends with `close()`. */
  expose(name: string, functions: ExposedFunctions): Disposable;
  /**
   * Looks for objects of either language that hold each other over the border: no collector frees them. The process
   * stands still while its heap is looked at, about a second for 50 MB.
   */
  cycles(): Promise<CycleReport>;
  /**
   * Stops Python where it runs in a child, and begins anew. Calls in flight fail with `BridgeClosed`: embedded, those of
   * every bridge of this process.
   */
  restart(): Promise<void>;
  /** Ends the bridge. Safe to call twice. */
  close(): Promise<void>;
  onDidOutput(listener: (output: HostOutput) => void): Disposable;
  onDidExit(listener: (exit: HostExit) => void): Disposable;
  /** Tells when Python stops to answer, with its stacks where they can be told, and when it answers again. */
  onDidChangeHealth(listener: (health: Health) => void): Disposable;
  /** Tells what becomes of a host that crashed: whether it is started again, is there again, or is given up. */
  onDidChangePhase(listener: (phase: HostPhase) => void): Disposable;
}

/** A bridge whose Python is in this process: it has synchronous calls too. */
export interface EmbeddedBridge extends Bridge, SyncCalls {
  readonly kind: 'embedded';
}

/**
 * Starts Python and gives the bridge to it.
 * @throws BridgeError: `interpreter-invalid`, `embedding-unavailable`, `embedding-failed`, `start-failed`
 */
export async function openBridge(options: OpenOptions & { host: 'embedded' }): Promise<EmbeddedBridge>;
export async function openBridge(options?: OpenOptions): Promise<Bridge>;
export async function openBridge(options: OpenOptions = {}): Promise<Bridge> {
  const root = options.root ?? findRoot(__dirname);
  const workspace = options.workspace ?? process.cwd();
  const { python, pythonExtension, traceFile = null, env = {}, cacheDir, blackBox } = options;
  const pitHome =
    options.pitHome === undefined
      ? (userEnvironment().SYMPHONY_PIT_HOME ?? join(workspace, '.symphony'))
      : options.pitHome;
  const host = await chooseHost({
    host: options.host ?? 'auto',
    search: { python, pythonExtension, workspace, root },
    settings: { root, workspace, traceFile, pitHome, env },
    cacheDir,
    blackBox,
    log: options.log ?? (() => {}),
  });
  return host instanceof EmbeddedHost
    ? new InProcessBridge(host)
    : new HostBridge(host, options.restartPolicy);
}

class HostBridge<H extends ConductorHost = ConductorHost> implements Bridge {
  private readonly supervisor: Supervisor;

  constructor(
    readonly host: H,
    policy?: RestartPolicy,
  ) {
    this.supervisor = new Supervisor(host, policy);
  }

  get kind(): H['kind'] {
    return this.host.kind;
  }

  get info(): HostInfo {
    return this.host.info;
  }

  get running(): boolean {
    return !this.supervisor.stopped && this.host.running;
  }

  get health(): Health {
    return this.host.health;
  }

  import(module: string, options?: CallOptions): Promise<PyObject> {
    const caller = captureCaller(this.import);
    return this.on((session) => session.import(module, options, caller));
  }

  call<T = unknown>(name: string, args?: readonly unknown[], options?: NamedCallOptions): Promise<T> {
    const caller = captureCaller(this.call);
    return this.on((session) => session.call<T>(name, args, options, caller));
  }

  callRef(name: string, args?: readonly unknown[], options?: NamedCallOptions): Promise<PyObject> {
    const caller = captureCaller(this.callRef);
    return this.on((session) => session.callRef(name, args, options, caller));
  }

  expose(name: string, functions: ExposedFunctions): Disposable {
    return this.host.expose(name, functions);
  }

  cycles(): Promise<CycleReport> {
    const caller = captureCaller(this.cycles);
    return this.on((session) => session.cycles(caller));
  }

  restart(): Promise<void> {
    return this.supervisor.restart();
  }

  close(): Promise<void> {
    return this.supervisor.stop();
  }

  onDidOutput(listener: (output: HostOutput) => void): Disposable {
    return this.host.onDidOutput(listener);
  }

  onDidExit(listener: (exit: HostExit) => void): Disposable {
    return this.host.onDidExit(listener);
  }

  onDidChangeHealth(listener: (health: Health) => void): Disposable {
    return this.host.onDidChangeHealth(listener);
  }

  onDidChangePhase(listener: (phase: HostPhase) => void): Disposable {
    return this.supervisor.onDidChangePhase(listener);
  }

  /** The usual case costs no extra turn: only a crashed host is waited for. */
  private on<T>(use: (session: Session) => Promise<T>): Promise<T> {
    if (this.running) return use(this.host.session);
    return this.supervisor.ready().then(use);
  }
}

class InProcessBridge extends HostBridge<EmbeddedHost> implements EmbeddedBridge {
  callSync<T = unknown>(fn: PyObject | string, ...args: unknown[]): T {
    return this.open().callSyncBelow<T>(this.callSync, fn, args);
  }

  sync<T = unknown>(fn: PyObject | string): (...args: unknown[]) => T {
    return this.open().sync<T>(fn);
  }

  /** The host may still serve other bridges when this one is closed. */
  private open(): SyncSession {
    if (!this.running) throw new BridgeClosed();
    return this.host.session;
  }
}

/** The nearest folder above that is this product: the sources and the bundle lie at different depths. */
function findRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && isOurs(manifest)) return folder;
    if (folder === dirname(folder)) break;
  }
  throw new BridgeError(`the product's folder was not found above ${from}`, {
    code: 'install-broken',
    hint: 'Pass its folder as `root`.',
  });
}

function isOurs(manifest: string): boolean {
  const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string };
  return name === 'symphony-conductor-workbench';
}
