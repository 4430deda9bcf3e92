/**
 * Runs of Conductor scripts: one at a time, each with its errors and the handles that were left at its end.
 *
 * Threads: extension host main thread. Must not know: VS Code, how anything is shown.
 */
import { basename } from 'node:path';
import { CallCancelled } from '../bridge/errors';
import type { Bridge } from '../conductor/openBridge';
import { runScript } from '../conductor/runScript';
import type { BridgeOwner } from './bridgeOwner';
import type { StateHolder } from './state';

/** A live handle as `symphony_bridge._control.handles()` tells of it. */
export interface LiveHandle {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  /** `file:line` that made it. */
  readonly site: string | null;
  readonly span: number;
  readonly opened_ns: number;
  readonly long_lived: boolean;
  readonly reason: string | null;
  /** It outlived the run that made it. */
  readonly leak: boolean;
}

/** How a run ended. */
export type RunEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'stopped' };

export interface RunRecord {
  readonly script: string;
  /** File name, for people. */
  readonly name: string;
  readonly args: readonly string[];
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly bridge: Bridge;
  readonly errors: unknown[];
  handles: readonly LiveHandle[];
  end: RunEnd | undefined;
}

interface ActiveRun {
  readonly record: RunRecord;
  readonly abort: AbortController;
  readonly ended: Promise<unknown>;
}

export class Runs {
  private active: ActiveRun | undefined;
  private latest: RunRecord | undefined;
  private readonly listeners = new Set<(run: RunRecord) => void>();

  constructor(
    private readonly owner: BridgeOwner,
    private readonly states: StateHolder,
  ) {}

  /** The run under way. */
  get current(): RunRecord | undefined {
    return this.active?.record;
  }

  /** The run under way, else the newest that ended. */
  get last(): RunRecord | undefined {
    return this.latest;
  }

  /** Called when a run begins and when it has ended. */
  onDidChange(listener: (run: RunRecord) => void): { dispose(): void } {
    this.listeners.add(listener);
    return { dispose: () => void this.listeners.delete(listener) };
  }

  /**
   * Runs a script to its end, starting Python first when needed.
   * @returns the record, ended; a script that fails is an end, not a rejection.
   * @throws when Python cannot be started, or another script runs.
   */
  async run(script: string, args: readonly string[] = []): Promise<RunRecord> {
    const bridge = await this.connect();
    if (this.active !== undefined) throw new Error(`${this.active.record.name} is still running`);
    const record: RunRecord = {
      script,
      name: basename(script),
      args,
      startedAt: Date.now(),
      bridge,
      errors: [],
      handles: [],
      end: undefined,
    };
    const abort = new AbortController();
    const ended = this.follow(record, args, abort.signal);
    this.active = { record, abort, ended };
    this.latest = record;
    this.states.set({ kind: 'running', script: record.name, host: bridge.info });
    this.tell(record);
    await ended;
    return record;
  }

  /** Python, started when it is not; the state follows. Rejects when it cannot be started. */
  async connect(): Promise<Bridge> {
    const isStarting = this.active === undefined && this.owner.current === undefined;
    if (isStarting) this.states.set({ kind: 'starting' });
    try {
      const bridge = await this.owner.get();
      if (isStarting) this.states.set({ kind: 'idle', host: bridge.info });
      return bridge;
    } catch (error) {
      this.states.set({ kind: 'error', message: messageOf(error), host: undefined });
      throw error;
    }
  }

  /** Stops the run; resolves when it has ended. Without a run there is nothing to do. */
  async stop(): Promise<void> {
    const { active } = this;
    if (active === undefined) return;
    this.states.set({ kind: 'stopping', script: active.record.name, host: active.record.bridge.info });
    active.abort.abort();
    await active.ended;
  }

  private async follow(record: RunRecord, args: readonly string[], signal: AbortSignal): Promise<void> {
    record.end = await runToEnd(record, args, signal);
    record.handles = await liveHandles(record.bridge);
    this.active = undefined;
    const host = record.bridge.running ? record.bridge.info : undefined;
    this.states.set(
      record.end.kind === 'failed'
        ? { kind: 'error', message: messageOf(record.end.error), host }
        : { kind: 'idle', host },
    );
    this.tell(record);
  }

  private tell(record: RunRecord): void {
    for (const listener of [...this.listeners]) listener(record);
  }
}

async function runToEnd(record: RunRecord, args: readonly string[], signal: AbortSignal): Promise<RunEnd> {
  try {
    const { exitCode } = await runScript(record.bridge, record.script, { args, signal });
    return { kind: 'exited', exitCode };
  } catch (error) {
    if (signal.aborted && error instanceof CallCancelled) return { kind: 'stopped' };
    record.errors.push(error);
    return { kind: 'failed', error };
  }
}

/** After a crash there is nobody to ask, and no handle left either. */
async function liveHandles(bridge: Bridge): Promise<readonly LiveHandle[]> {
  if (!bridge.running) return [];
  try {
    return await bridge.call<LiveHandle[]>('symphony_bridge._control:handles', [], { deadlineMs: 2000 });
  } catch {
    return [];
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
