/**
 * The `conductor` debug adapter: stands between a client (VS Code, or a test) and the debug server in a child.
 * It starts the child on `launch`, relays everything else, runs the script after `configurationDone`, and ends the
 * child when the session ends, whoever ended it.
 *
 * Threads: JS main thread; never waits synchronously. Must not know: VS Code.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { BridgeError, CallCancelled } from '../bridge/errors';
import { CAPABILITIES, capabilityDifferences } from './capabilities';
import { type Event, isRequest, type Message, type Request, type Response } from './dap';
import type { Debuggee, DebuggeeFactory, LaunchArguments, RunOutcome } from './debuggee';
import { ServerLink, START_AGAIN } from './serverLink';
import { checkLaunch, hideInternalFrames, refusal, serverLaunch } from './translate';

const CONNECT_TIMEOUT_MS = 20_000;
const LAST_ANSWER_MS = 500;

type SessionState = 'new' | 'launching' | 'configuring' | 'running' | 'ended';

export class ConductorAdapter {
  private state: SessionState = 'new';
  private seq = 1;
  private initialize: unknown;
  private link: ServerLink | undefined;
  private debuggee: Debuggee | undefined;
  /** The child that was asked for; it may arrive when the session has been ended already. */
  private starting: Promise<Debuggee> | undefined;
  /** debugpy's `connect` returns in the child only when the configuration is done. */
  private connecting: Promise<void> = Promise.resolve();
  private launchArguments: LaunchArguments | undefined;
  private ending: Promise<void> | undefined;

  /**
   * @param startDebuggee starts a child for a launch.
   * @param deliver takes each message for the client.
   */
  constructor(
    private readonly startDebuggee: DebuggeeFactory,
    private readonly deliver: (message: Message) => void,
  ) {}

  /** Takes one message of the client; the answer comes through `deliver`. */
  handle(message: Message): void {
    if (!isRequest(message)) return;
    this.answer(message).catch((error: unknown) => this.refuse(message, error));
  }

  /** Ends the session and the child; resolves when no process is left. */
  async dispose(): Promise<void> {
    await this.end();
  }

  private async answer(request: Request): Promise<void> {
    switch (request.command) {
      case 'initialize':
        this.initialize = request.arguments;
        return this.succeed(request, CAPABILITIES);
      case 'launch':
        return await this.launch(request);
      case 'attach':
        throw new BridgeError('the conductor debugger launches scripts, it does not attach', {
          code: 'launch-invalid',
          hint: 'Write "request": "launch" in the debug configuration.',
        });
      case 'configurationDone':
        return await this.configurationDone(request);
      case 'terminate':
      case 'disconnect':
        await this.end();
        return this.succeed(request);
      default:
        return await this.relay(request);
    }
  }

  private async launch(request: Request): Promise<void> {
    if (this.state !== 'new') {
      throw new BridgeError('this session has a script already', {
        code: 'launch-invalid',
        hint: 'Start another session for another script.',
      });
    }
    const launch = checkLaunch(request.arguments);
    this.state = 'launching';
    this.launchArguments = launch;
    try {
      this.starting = this.startDebuggee(launch, {
        output: (stream, text) => this.output(stream, text),
        died: (reason) => void this.childDied(reason),
      });
      const debuggee = await this.starting;
      this.debuggee = debuggee;
      if (this.ending !== undefined) throw endedEarly();
      this.send('process', {
        name: launch.program,
        systemProcessId: debuggee.pid,
        isLocalProcess: true,
        startMethod: 'launch',
      });
      if (launch.noDebug === true) {
        this.state = 'configuring';
        this.send('initialized');
      } else {
        await this.connectServer(debuggee, launch);
      }
      this.succeed(request);
    } catch (error) {
      // Not awaited inside `end`: VS Code waits for the refusal before it lets the session go.
      this.refuse(request, error);
      await this.end();
    }
  }

  private async connectServer(debuggee: Debuggee, launch: LaunchArguments): Promise<void> {
    const link = await ServerLink.listen((event) => this.serverEvent(event));
    this.link = link;
    if (this.ending !== undefined) {
      link.close();
      throw endedEarly();
    }
    this.connecting = debuggee.connectDebugger(link.address);
    await Promise.race([link.accept(CONNECT_TIMEOUT_MS), rejection(this.connecting)]);
    const initialized = expectSuccess(await link.request('initialize', this.initialize));
    const differences = capabilityDifferences(initialized.body as Record<string, unknown>);
    if (Object.keys(differences).length > 0) this.send('capabilities', { capabilities: differences });
    this.state = 'configuring';
    expectSuccess(await link.request('launch', serverLaunch(launch, debuggee.internalPaths)));
  }

  private async configurationDone(request: Request): Promise<void> {
    if (this.state !== 'configuring' || this.debuggee === undefined) {
      throw new BridgeError('nothing was launched', { code: 'not-debugging' });
    }
    this.state = 'running';
    if (this.link !== undefined) {
      expectSuccess(await this.link.request('configurationDone'));
      await this.connecting;
    }
    this.succeed(request);
    this.debuggee.run().then(
      (outcome) => this.finished(outcome),
      (error: Error) => this.finished({ exitCode: 1, failure: error.message }),
    );
  }

  private async relay(request: Request): Promise<void> {
    if (this.link === undefined || this.ending !== undefined) {
      // Without debugging, and around the child's life, a client may still ask; empty answers keep it going.
      if (request.command === 'threads') return this.succeed(request, { threads: [] });
      if (request.command.startsWith('set')) return this.succeed(request, { breakpoints: [] });
      const message = `"${request.command}" needs a running debug session`;
      throw new BridgeError(message, { code: 'not-debugging' });
    }
    const response = await this.link.request(request.command, request.arguments);
    if (request.command === 'stackTrace' && response.success)
      hideInternalFrames(response, this.internalPaths);
    this.deliver({ ...response, seq: this.seq++, request_seq: request.seq } as Response);
  }

  private get internalPaths(): readonly string[] {
    // Whoever debugs library code too (`justMyCode: false`) wants to see ours as well.
    return this.launchArguments?.justMyCode === false ? [] : (this.debuggee?.internalPaths ?? []);
  }

  private serverEvent(event: Event): void {
    // Ours are sent in their place: the child is kept alive by us, and `process` names the script.
    if (event.event === 'terminated' || event.event === 'exited' || event.event === 'process') return;
    if (
      event.event === 'output' &&
      (event.body as DebugProtocol.OutputEvent['body']).category === 'telemetry'
    )
      return;
    this.deliver({ ...event, seq: this.seq++ } as Event);
  }

  private async finished(outcome: RunOutcome): Promise<void> {
    if (this.state === 'ended' || this.ending !== undefined) return;
    if (outcome.failure !== undefined) this.output('stderr', `${outcome.failure}\n`);
    // The answer to the request that let the script run on may still be on its way; answers keep their order.
    await Promise.race([this.link?.request('threads').catch(() => undefined), delay(LAST_ANSWER_MS)]);
    this.send('exited', { exitCode: outcome.exitCode });
    await this.end();
  }

  private async childDied(reason: string): Promise<void> {
    if (this.state === 'ended' || this.ending !== undefined) return;
    this.output('stderr', `${reason}\n`);
    await this.end();
  }

  /** Ends child and link once; every later caller waits for the same end. */
  private end(): Promise<void> {
    this.ending ??= (async () => {
      const debuggee = await this.starting?.catch(() => undefined);
      await debuggee?.kill();
      this.link?.close();
      this.state = 'ended';
      this.send('terminated');
    })();
    return this.ending;
  }

  private output(category: 'stdout' | 'stderr', output: string): void {
    this.send('output', { category, output });
  }

  private send(event: string, body?: unknown): void {
    this.deliver({ seq: this.seq++, type: 'event', event, body } as Event);
  }

  private succeed(request: Request, body?: unknown): void {
    this.deliver({
      seq: this.seq++,
      type: 'response',
      request_seq: request.seq,
      command: request.command,
      success: true,
      body,
    } as Response);
  }

  private refuse(request: Request, error: unknown): void {
    this.deliver({
      seq: this.seq++,
      type: 'response',
      request_seq: request.seq,
      command: request.command,
      success: false,
      ...refusal(error, request.command === 'launch'),
    } as Response);
  }
}

/** Never resolves; rejects when the work does. */
function rejection(work: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => work.catch(reject));
}

function endedEarly(): CallCancelled {
  return new CallCancelled('the session was ended while it started', { hint: START_AGAIN });
}

function expectSuccess(response: Response): Response {
  if (response.success) return response;
  const message = `debugpy refused "${response.command}": ${response.message ?? 'no reason given'}`;
  throw new BridgeError(message, { code: 'debugger-failed' });
}
