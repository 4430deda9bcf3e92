/** A small Debug Adapter Protocol client that drives an adapter object in the same process, for tests. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import {
  type Event,
  isEvent,
  isResponse,
  type Message,
  type Request,
  type Response,
} from '../../extension/debug/dap';

interface Drivable {
  handle(message: Message): void;
}

export class DebugClient {
  readonly events: Event[] = [];
  private seq = 1;
  private adapter: Drivable | undefined;
  private readonly pending = new Map<number, (response: Response) => void>();
  private readonly watchers = new Set<() => void>();

  /** Pass as the adapter's `deliver`. */
  readonly receive = (message: Message): void => {
    if (isResponse(message)) {
      this.pending.get(message.request_seq)?.(message);
      this.pending.delete(message.request_seq);
    } else if (isEvent(message)) {
      this.events.push(message);
      for (const watch of [...this.watchers]) watch();
    }
  };

  connect(adapter: Drivable): void {
    this.adapter = adapter;
  }

  /** Sends a request; resolves with the response whether it succeeded or not. */
  send(command: string, args?: unknown): Promise<Response> {
    const request: Request = { seq: this.seq++, type: 'request', command, arguments: args };
    const answered = new Promise<Response>((resolve) => this.pending.set(request.seq, resolve));
    this.adapter?.handle(request);
    return answered;
  }

  /** Sends a request and gives the body of its success; a refusal is an Error. */
  async ask<Body>(command: string, args?: unknown): Promise<Body> {
    const response = await this.send(command, args);
    if (!response.success) throw new Error(`${command}: ${response.message}`);
    return response.body as Body;
  }

  /** Takes the next event of that name, also one that came before the call. */
  async next<Body>(name: string, timeoutMs = 20_000): Promise<Body> {
    const found = (): number => this.events.findIndex((event) => event.event === name);
    if (found() < 0) {
      await new Promise<void>((resolve, reject) => {
        const seen = (): string =>
          this.events.map((event) => `${event.event} ${JSON.stringify(event.body)}`).join('\n');
        const timer = setTimeout(() => reject(new Error(`no "${name}" event; had:\n${seen()}`)), timeoutMs);
        const watch = (): void => {
          if (found() < 0) return;
          clearTimeout(timer);
          this.watchers.delete(watch);
          resolve();
        };
        this.watchers.add(watch);
      });
    }
    return this.events.splice(found(), 1)[0].body as Body;
  }

  /** initialize → launch → breakpoints → configurationDone, in the order VS Code sends them. */
  async launch(
    args: Record<string, unknown>,
    breakpoints: readonly number[],
    filters: readonly string[] = ['uncaught'],
  ): Promise<void> {
    await this.ask('initialize', {
      adapterID: 'conductor',
      linesStartAt1: true,
      columnsStartAt1: true,
      pathFormat: 'path',
    });
    const launched = this.ask('launch', args);
    await Promise.race([this.next('initialized'), launched]);
    await this.ask('setBreakpoints', {
      source: { path: args['program'] },
      breakpoints: breakpoints.map((line) => ({ line })),
    });
    await this.ask('setExceptionBreakpoints', { filters });
    await this.ask('configurationDone');
    await launched;
  }

  async stack(threadId: number): Promise<DebugProtocol.StackFrame[]> {
    return (
      await this.ask<DebugProtocol.StackTraceResponse['body']>('stackTrace', {
        threadId,
        startFrame: 0,
        levels: 20,
      })
    ).stackFrames;
  }

  /** The local variables of a frame, by name. */
  async locals(frameId: number): Promise<Map<string, string>> {
    const { scopes } = await this.ask<DebugProtocol.ScopesResponse['body']>('scopes', { frameId });
    const { variables } = await this.ask<DebugProtocol.VariablesResponse['body']>('variables', {
      variablesReference: scopes[0].variablesReference,
    });
    return new Map(variables.map((variable) => [variable.name, variable.value]));
  }

  outputText(): string {
    return this.events
      .filter((event) => event.event === 'output')
      .map((event) => (event.body as DebugProtocol.OutputEvent['body']).output)
      .join('');
  }
}
