/**
 * Purpose: Python in a supervised child process, over a private socket.
 * Threads: JavaScript main thread.
 * Must not know: VS Code, how the interpreter was chosen, when to start again after a crash.
 */
import { delimiter } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Emitter } from '../bridge/emitter';
import { BridgeClosed, BridgeError } from '../bridge/errors';
import type { ExposedFunctions, Exposures } from '../bridge/hostCalls';
import { Session } from '../bridge/session';
import { type ChildExit, ChildProcess } from './childProcess';
import { crashError, deafError, startError } from './crash/crashErrors';
import { userEnvironment } from './environment';
import { type Health, HealthWatch } from './healthWatch';
import { whenDeaf } from './hearing';
import type { ConductorHost, Disposable, HostExit, HostInfo, HostOutput } from './host';
import { type HostSettings, pythonFolder, pythonVariables, sourceResolver } from './hostSettings';
import { SocketServer, type SocketTransport } from './socketServer';

/** From spawn to the `ready` event, with a cold file cache and a slow disk. */
const START_TIMEOUT_MS = 30_000;
/** From the loss of the connection to the exit it comes from. */
const EXIT_AFTER_CLOSE_MS = 1000;

/** What the child says when it can be called. */
interface ReadyEvent {
  pid: number;
  python: string;
  executable: string;
  prefix: string;
  trace: string | null;
}

/** A started child and its connection. */
interface Running {
  child: ChildProcess;
  transport: SocketTransport;
  session: Session;
  info: HostInfo;
  /** Whether they keep our process alive. */
  held: boolean;
}

export class SubprocessHost implements ConductorHost {
  readonly kind = 'subprocess';
  private readonly exits = new Emitter<HostExit>();
  private readonly outputs = new Emitter<HostOutput>();
  readonly onDidExit = this.exits.on;
  readonly onDidOutput = this.outputs.on;
  private readonly watched = new HealthWatch(() => this.session);
  readonly onDidChangeHealth = this.watched.onDidChange;
  private readonly exposures: Exposures = new Map();
  private current!: Running;
  private stopping: Promise<void> | null = null;

  private constructor(private readonly settings: HostSettings) {}

  /**
   * Starts the child and waits until it can be called.
   * @throws BridgeError `start-failed` with what the child printed
   */
  static async start(settings: HostSettings): Promise<SubprocessHost> {
    const host = new SubprocessHost(settings);
    await host.launch();
    return host;
  }

  get info(): HostInfo {
    return this.current.info;
  }

  get session(): Session {
    return this.current.session;
  }

  get running(): boolean {
    return !this.current.session.closed;
  }

  get health(): Health {
    return this.watched.current;
  }

  expose(name: string, functions: ExposedFunctions): Disposable {
    return this.session.expose(name, functions);
  }

  stop(): Promise<void> {
    this.stopping ??= this.endChild();
    return this.stopping;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.launch();
  }

  /** Ends the child at once, for code that does not listen; calls in flight fail with `reason`. */
  async kill(reason: BridgeError): Promise<void> {
    const { child, session } = this.current;
    this.stopping ??= child.kill().then(() => {});
    session.fail(reason);
    await this.stopping;
  }

  async drainOutput(): Promise<void> {
    await this.current.child.drain();
  }

  private async endChild(): Promise<void> {
    const { child, session } = this.current;
    session.close();
    await child.end();
  }

  private async launch(): Promise<void> {
    const server = await SocketServer.listen();
    let child: ChildProcess | undefined;
    try {
      child = this.spawn(server);
      const transport = await Promise.race([
        server.connection(),
        failAtExit(child, this.settings),
        timeout(),
      ]);
      this.current = await this.connect(child, transport);
    } catch (error) {
      await child?.kill();
      throw error;
    } finally {
      server.close();
    }
    this.stopping = null;
    this.watch(this.current);
    this.hold(this.current, false);
  }

  private spawn(server: SocketServer): ChildProcess {
    const { facts, workspace, root } = this.settings;
    // A trace file that is not ours to give belongs to another recorder, which would lose it.
    const { SYMPHONY_TRACE: _, ...user } = userEnvironment();
    const inherited = user.PYTHONPATH;
    const child = new ChildProcess({
      file: facts.path,
      args: ['-m', 'symphony_bridge.conductor', '--socket', server.path],
      cwd: workspace,
      env: {
        ...user,
        PYTHONUNBUFFERED: '1',
        PYTHONUTF8: '1',
        PYTHONPATH: inherited ? `${pythonFolder(root)}${delimiter}${inherited}` : pythonFolder(root),
        ...pythonVariables(this.settings),
      },
      firstLine: server.token,
    });
    child.onDidOutput((output) => this.outputs.fire(output));
    return child;
  }

  private async connect(child: ChildProcess, transport: SocketTransport): Promise<Running> {
    const { facts, traceFile, pitHome, root, reason, fellBack } = this.settings;
    const running: Partial<Running> = { child, transport, held: true };
    const session = new Session(transport, {
      traced: this.settings.traceFile !== null,
      exposures: this.exposures,
      resolveFile: sourceResolver(root),
      onInFlight: (count) => this.inFlight(running as Running, count),
    });
    session.onDidOutput((output) => this.outputs.fire(output));
    const ready = await Promise.race([readyEvent(session), failAtExit(child, this.settings), timeout()]);
    const info: HostInfo = {
      kind: 'subprocess',
      version: facts.version,
      executable: ready.executable,
      prefix: ready.prefix,
      pid: child.pid,
      traceFile: ready.trace ?? traceFile,
      pitHome,
      reason,
      fellBack,
    };
    return Object.assign(running, { session, info }) as Running;
  }

  private watch(running: Running): void {
    const { child, transport, session } = running;
    whenDeaf(session, () => {
      session.fail(deafError());
      void child.kill();
    });
    const exited = child.exited.then((exit) => this.exited(running, exit));
    transport.onClose(() => {
      // An exit tells more than a lost connection: give it a moment to arrive.
      const lost = delay(EXIT_AFTER_CLOSE_MS, undefined, { ref: false }).then(() => {
        if (session.closed) return;
        session.fail(new BridgeClosed("the connection to Python's process was lost", { code: 'crashed' }));
        return child.kill();
      });
      void Promise.race([exited, lost]);
    });
  }

  private exited({ session }: Running, exit: ChildExit): void {
    const expected = this.stopping !== null;
    session.fail(expected ? new BridgeClosed() : crashError(exit));
    this.exits.fire({ expected, ...exit });
  }

  private inFlight(running: Running, count: number): void {
    this.watched.expect(count > 0);
    this.holdWhile(running, count > 0);
  }

  /** An open bridge lets our process end; a call in flight does not. */
  private holdWhile(running: Running, inFlight: boolean): void {
    if (inFlight === running.held) return;
    if (inFlight) this.hold(running, true);
    // Calls that follow one another do not let go in between.
    else {
      setImmediate(() => {
        if (running.held && running.session.inFlight === 0) this.hold(running, false);
      });
    }
  }

  private hold(running: Running, hold: boolean): void {
    // Nor does an end that is under way: somebody waits for the exit.
    running.held = hold || this.stopping !== null;
    running.child.hold(running.held);
    running.transport.hold(running.held);
  }
}

function readyEvent(session: Session): Promise<ReadyEvent> {
  return new Promise((resolve, reject) => {
    const listening = session.onDidEvent(({ name, value }) => {
      if (name !== 'ready') return;
      listening.dispose();
      resolve(value as ReadyEvent);
    });
    session.onDidClose(reject);
  });
}

async function failAtExit(child: ChildProcess, { facts }: HostSettings): Promise<never> {
  throw startError(facts.path, await child.exited);
}

async function timeout(): Promise<never> {
  await delay(START_TIMEOUT_MS, undefined, { ref: false });
  throw new BridgeError(`Python's process was not ready within ${START_TIMEOUT_MS / 1000} s`, {
    code: 'start-failed',
    hint: 'Run it again; if it stays so, run the interpreter by hand and look for what it waits for.',
  });
}
