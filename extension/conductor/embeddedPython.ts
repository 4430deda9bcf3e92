/**
 * Purpose: the one Python of this process: started once, never finalised, shared by every embedded host.
 * Threads: JavaScript main thread; Python has its own workers and event loop beside it.
 * Must not know: VS Code, how the interpreter was chosen.
 *
 * It is never finalised, because other threads may be inside Python at any time. Between the last host that leaves and
 * the next that joins there is no session; modules stay imported.
 */
import { type Addon, loadAddon, type StartedPython } from '../bridge/addon';
import { Emitter } from '../bridge/emitter';
import { BridgeError } from '../bridge/errors';
import type { ExposedFunctions, Exposures } from '../bridge/hostCalls';
import { SyncSession } from '../bridge/syncSession';
import type { Transport } from '../bridge/transport';
import type { Sentinel } from './crash/sentinel';
import { addToEnvironment } from './environment';
import { HealthWatch } from './healthWatch';
import type { HostOutput } from './host';
import { type HostSettings, pythonFolder, pythonVariables, sourceResolver } from './hostSettings';
import { type InterpreterFacts, isSamePython } from './probe';

/** Functions that one host offers to Python under a name. */
export interface Offer {
  readonly name: string;
  readonly functions: ExposedFunctions;
}

let only: EmbeddedPython | null = null;

/**
 * The interpreter of this process, started if there is none.
 * @throws BridgeError `embedding-failed`, or `embedding-fixed` when another Python is already here
 */
export function joinPython(settings: HostSettings, sentinel: Sentinel | null): EmbeddedPython {
  only ??= startPython(settings, sentinel);
  only.refuseAnother(settings.facts);
  return only;
}

/** What this process runs, or will run again; null as long as no Python was started in it. */
export function embeddedPython(): InterpreterFacts | null {
  return only?.settings.facts ?? null;
}

/** Whether this process runs that very Python, by that very product: whoever joins it needs no trial. */
export function runsHere({ root, facts }: HostSettings): boolean {
  return only?.settings.root === root && isSamePython(only.settings.facts, facts);
}

export class EmbeddedPython {
  private readonly outputs = new Emitter<HostOutput>();
  /** What Python printed, whoever made it print. */
  readonly onDidOutput = this.outputs.on;
  readonly health = new HealthWatch(() => this.session);
  private readonly members = new Set<unknown>();
  private readonly exposures: Exposures = new Map();
  private readonly offers: Offer[] = [];
  private connected: SyncSession | null = null;
  /** Ids go on over sessions: an answer that comes late must not meet a new call. */
  private nextCallId = 1;

  constructor(
    private readonly addon: Addon,
    readonly python: StartedPython,
    /** Those of the first host: trace file and Pit home are the process's, and stay. */
    readonly settings: HostSettings,
    /** Likewise of the first host: the others' process is the same. */
    private readonly sentinel: Sentinel | null,
  ) {}

  /** The session that all members share; the last one, closed, when nobody is a member. */
  get session(): SyncSession {
    return this.connected as SyncSession;
  }

  /** One more host uses Python; the first one begins a session. */
  join(member: unknown): void {
    this.members.add(member);
    this.sentinel?.raise('running');
    if (this.connected?.closed !== false) this.connected = this.connect();
  }

  /** A host is done; the last one ends the session. */
  leave(member: unknown): void {
    if (this.members.delete(member) && this.members.size === 0) {
      this.disconnect();
      this.sentinel?.lower();
    }
  }

  /** Ends the session of all members, and begins another one for all of them. */
  reconnect(): void {
    this.disconnect();
    this.connected = this.connect();
  }

  /** Names are the process's: the newest offer of a name answers, the one before it when that is withdrawn. */
  offer(offer: Offer): void {
    this.offers.push(offer);
    this.exposures.set(offer.name, offer.functions);
  }

  withdraw(offer: Offer): void {
    const index = this.offers.indexOf(offer);
    if (index < 0) return;
    this.offers.splice(index, 1);
    const next = this.offers.findLast(({ name }) => name === offer.name);
    if (next) this.exposures.set(next.name, next.functions);
    else this.exposures.delete(offer.name);
  }

  refuseAnother(wanted: InterpreterFacts): void {
    const { facts } = this.settings;
    if (isSamePython(facts, wanted)) return;
    throw new BridgeError(
      `this process already runs Python ${this.python.version} (${facts.path}) and cannot run ${wanted.path} too`,
      {
        code: 'embedding-fixed',
        hint: 'Reload the window to change the embedded interpreter, or use the subprocess host.',
      },
    );
  }

  private connect(): SyncSession {
    const { addon } = this;
    const transport: Transport = {
      send: (frames, sent) => {
        // The addon copies.
        addon.submit(frames);
        sent?.();
      },
      onData: (callback) => addon.connect((chunk, now) => callback(new Uint8Array(chunk), now)),
      poll: (stay) => {
        const chunk = addon.poll(stay);
        return chunk === undefined ? undefined : new Uint8Array(chunk);
      },
      close: () => addon.close(),
    };
    let alive = false;
    const session = new SyncSession(transport, addon, {
      traced: this.settings.traceFile !== null,
      firstCallId: this.nextCallId,
      exposures: this.exposures,
      resolveFile: sourceResolver(this.settings.root),
      // An open bridge lets the process end; a call in flight does not.
      onInFlight: (count) => {
        if (alive === count > 0) return;
        alive = count > 0;
        addon.keepAlive(alive);
        this.health.expect(alive);
      },
    });
    session.onDidOutput((output) => this.outputs.fire(output));
    return session;
  }

  private disconnect(): void {
    if (this.connected === null || this.connected.closed) return;
    this.nextCallId = this.connected.nextCallId;
    this.connected.close();
  }
}

function startPython(settings: HostSettings, sentinel: Sentinel | null): EmbeddedPython {
  const { root, facts } = settings;
  if (!facts.libpython) {
    throw new BridgeError(`${facts.path} has no shared library, so it cannot run inside this process`, {
      code: 'embedding-unavailable',
      hint: 'Use the subprocess host, or install the shared library of this Python (Debian: libpython3-dev).',
    });
  }
  // The recorder's file is handed over below: named in the environment, every child would take it for its own.
  addToEnvironment(pythonVariables({ ...settings, traceFile: null }));
  sentinel?.raise('starting');
  try {
    const addon = loadAddon(root, facts.libpython);
    return new EmbeddedPython(addon, begin(addon, settings), settings, sentinel);
  } catch (error) {
    sentinel?.lower();
    throw error;
  }
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
