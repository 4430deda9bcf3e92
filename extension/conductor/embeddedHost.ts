/**
 * Purpose: Python in this process, through the native addon.
 * Threads: JavaScript main thread; Python has its own workers and event loop beside it.
 * Must not know: VS Code, how the interpreter was chosen.
 *
 * One interpreter per process, for the life of the process: it is never finalised, because other
 * threads may be inside Python at any time. `stop()` ends the session only; starting again joins
 * the interpreter that is there.
 */
import { type Addon, loadAddon, type StartedPython } from '../bridge/addon';
import { Emitter } from '../bridge/emitter';
import { BridgeError } from '../bridge/errors';
import type { Exposures } from '../bridge/hostCalls';
import type { Transport } from '../bridge/session';
import { SyncSession } from '../bridge/syncSession';
import type { ConductorHost, HostExit, HostInfo, HostOutput } from './host';
import { type HostSettings, pythonFolder, pythonVariables, sourceResolver } from './hostSettings';
import type { InterpreterFacts } from './probe';

/** The interpreter of this process, once started. */
interface EmbeddedPython {
  addon: Addon;
  python: StartedPython;
  facts: InterpreterFacts;
  /** The first host's: they are the process's, and stay. */
  traceFile: string | null;
  pitHome: string | null;
  /** Ids go on over sessions: an answer that comes late must not meet a new call. */
  nextCallId: number;
}

let embedded: EmbeddedPython | null = null;
let current: EmbeddedHost | null = null;

/**
 * Joins the interpreter of this process, starting it if there is none. While a host runs, a second
 * caller shares it, and `stop()` takes effect when all have called it.
 * @throws BridgeError `embedding-failed`, or `embedding-fixed` when another Python is already here
 */
export function startEmbedded(settings: HostSettings): EmbeddedHost {
  const python = embedded ?? startPython(settings);
  embedded = python;
  refuseAnother(python, settings);
  if (current?.running) current.share();
  else current = new EmbeddedHost(python, settings);
  return current;
}

export class EmbeddedHost implements ConductorHost {
  readonly kind = 'embedded';
  readonly info: HostInfo;
  private readonly exits = new Emitter<HostExit>();
  private readonly outputs = new Emitter<HostOutput>();
  readonly onDidExit = this.exits.on;
  readonly onDidOutput = this.outputs.on;
  private readonly exposures: Exposures = new Map();
  private connected: SyncSession;
  private users = 1;

  constructor(
    private readonly python: EmbeddedPython,
    private readonly settings: HostSettings,
  ) {
    const { version, executable, prefix } = python.python;
    const { traceFile, pitHome } = python;
    const { reason } = settings;
    this.info = {
      kind: 'embedded',
      version,
      executable,
      prefix,
      pid: process.pid,
      traceFile,
      pitHome,
      reason,
    };
    this.connected = this.connect();
  }

  get session(): SyncSession {
    return this.connected;
  }

  get running(): boolean {
    return !this.connected.closed;
  }

  /** One more caller uses this host. */
  share(): void {
    this.users += 1;
  }

  async stop(): Promise<void> {
    this.users -= 1;
    if (this.users > 0 || !this.running) return;
    this.disconnect();
    this.exits.fire({ expected: true, exitCode: null, signal: null, stderrTail: '' });
  }

  /** Begins a new session. Modules stay imported: only a new process makes Python forget. */
  async restart(): Promise<void> {
    this.disconnect();
    this.users = Math.max(1, this.users);
    this.connected = this.connect();
  }

  async drainOutput(): Promise<void> {
    // Output comes in order with answers: what was printed before one is already delivered.
  }

  private connect(): SyncSession {
    const { addon } = this.python;
    const transport: Transport = {
      send: (frames) => addon.submit(frames),
      onData: (callback) => addon.connect((chunk) => callback(new Uint8Array(chunk))),
      close: () => addon.close(),
    };
    let alive = false;
    const session = new SyncSession(transport, addon, {
      traced: this.python.traceFile !== null,
      firstCallId: this.python.nextCallId,
      exposures: this.exposures,
      resolveFile: sourceResolver(this.settings.root),
      // An open bridge lets the process end; a call in flight does not.
      onInFlight: (count) => {
        if (alive === count > 0) return;
        alive = count > 0;
        addon.keepAlive(alive);
      },
    });
    session.onDidOutput((output) => this.outputs.fire(output));
    return session;
  }

  private disconnect(): void {
    this.python.nextCallId = this.connected.nextCallId;
    this.connected.close();
  }
}

function startPython(settings: HostSettings): EmbeddedPython {
  const { root, facts, traceFile } = settings;
  if (!facts.libpython) {
    throw new BridgeError(`${facts.path} has no shared library, so it cannot run inside this process`, {
      code: 'embedding-unavailable',
      hint: 'Use the subprocess host, or install the shared library of this Python (Debian: libpython3-dev).',
    });
  }
  Object.assign(process.env, pythonVariables(settings));
  const addon = loadAddon(root, facts.libpython);
  const python = begin(addon, settings);
  return { addon, python, facts, traceFile, pitHome: settings.pitHome, nextCallId: 1 };
}

function begin(addon: Addon, { root, facts, traceFile }: HostSettings): StartedPython {
  try {
    return addon.start({ program: facts.path, packagePath: pythonFolder(root), traceFile });
  } catch (error) {
    throw new BridgeError(
      `Python ${facts.version} did not start in this process: ${(error as Error).message}`,
      {
        code: 'embedding-failed',
        hint: 'Use the subprocess host.',
        cause: error,
      },
    );
  }
}

function refuseAnother(python: EmbeddedPython, { facts }: HostSettings): void {
  // `python` and `python3` of one environment are the same.
  const { prefix, libpython, path } = python.facts;
  if (prefix === facts.prefix && libpython === facts.libpython) return;
  throw new BridgeError(
    `this process already runs Python ${python.python.version} (${path}) and cannot run ${facts.path} too`,
    {
      code: 'embedding-fixed',
      hint: 'Reload the window to change the embedded interpreter, or use the subprocess host.',
    },
  );
}
