/**
 * Purpose: a host whose Python is in this process; each caller gets one of its own.
 * Threads: JavaScript main thread.
 * Must not know: VS Code, the addon.
 *
 * What belongs to the host: its listeners, the functions it exposed, when it is stopped. What all hosts of the process
 * share: the interpreter with its modules, what is printed, and the session, so that `restart()` reaches all of them.
 */
import { Emitter } from '../bridge/emitter';
import type { ExposedFunctions } from '../bridge/hostCalls';
import { checkExposedName } from '../bridge/hostObjects';
import type { SyncSession } from '../bridge/syncSession';
import type { Sentinel } from './crash/sentinel';
import { type EmbeddedPython, joinPython, type Offer } from './embeddedPython';
import type { Health } from './healthWatch';
import type { ConductorHost, Disposable, HostExit, HostInfo, HostOutput } from './host';
import type { HostSettings } from './hostSettings';

/**
 * Joins the interpreter of this process, starting it if there is none.
 * @param sentinel stands while Python is used here; null when nobody wants to know of a crash
 * @throws BridgeError `embedding-failed`, or `embedding-fixed` when another Python is already here
 */
export function startEmbedded(settings: HostSettings, sentinel: Sentinel | null = null): EmbeddedHost {
  return new EmbeddedHost(joinPython(settings, sentinel), settings.reason);
}

export class EmbeddedHost implements ConductorHost {
  readonly kind = 'embedded';
  readonly info: HostInfo;
  private readonly exits = new Emitter<HostExit>();
  private readonly outputs = new Emitter<HostOutput>();
  readonly onDidExit = this.exits.on;
  readonly onDidOutput = this.outputs.on;
  private readonly offers = new Set<Offer>();
  private listening: Disposable | null = null;

  constructor(
    private readonly shared: EmbeddedPython,
    reason: string,
  ) {
    const { version, executable, prefix } = shared.python;
    const { traceFile, pitHome } = shared.settings;
    const facts = { version, executable, prefix, pid: process.pid, traceFile, pitHome };
    this.info = { kind: 'embedded', ...facts, reason, fellBack: false };
    this.join();
  }

  get session(): SyncSession {
    return this.shared.session;
  }

  get health(): Health {
    return this.shared.health.current;
  }

  /** Of the interpreter, whichever host's calls are in flight. */
  get onDidChangeHealth(): (listener: (health: Health) => void) => Disposable {
    return this.shared.health.onDidChange;
  }

  get running(): boolean {
    return this.listening !== null && !this.session.closed;
  }

  expose(name: string, functions: ExposedFunctions): Disposable {
    checkExposedName(name);
    const offer = { name, functions };
    this.offers.add(offer);
    if (this.listening !== null) this.shared.offer(offer);
    const dispose = (): void => {
      this.offers.delete(offer);
      this.shared.withdraw(offer);
    };
    return { dispose };
  }

  async stop(): Promise<void> {
    if (this.listening === null) return;
    this.listening.dispose();
    this.listening = null;
    for (const offer of this.offers) this.shared.withdraw(offer);
    this.shared.leave(this);
    this.exits.fire({ expected: true, exitCode: null, signal: null, stderrTail: '' });
  }

  /** Begins a new session. Modules stay imported: only a new process makes Python forget. */
  async restart(): Promise<void> {
    if (this.listening === null) this.join();
    else this.shared.reconnect();
  }

  async drainOutput(): Promise<void> {
    // Output comes in order with answers: what was printed before one is already delivered.
  }

  private join(): void {
    this.shared.join(this);
    this.listening = this.shared.onDidOutput((output) => this.outputs.fire(output));
    for (const offer of this.offers) this.shared.offer(offer);
  }
}
