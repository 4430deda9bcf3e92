/**
 * Runs of Conductor scripts: one at a time, each with its errors and the handles that were left at its end.
 *
 * Threads: extension host main thread. Must not know: VS Code, how anything is shown.
 */
import { basename } from 'node:path';
import { Emitter } from '../bridge/emitter';
import { BridgeError } from '../bridge/errors';
import { describeHealth } from '../conductor/healthReport';
import type { Health } from '../conductor/healthWatch';
import { type LiveHandle, liveHandles } from '../conductor/liveHandles';
import type { Bridge } from '../conductor/openBridge';
import type { RunLimits } from '../conductor/runLimits';
import { endOf, type RunEnd, runScript } from '../conductor/runScript';
import type { HostPhase } from '../conductor/supervisor';
import type { BridgeOwner } from './bridgeOwner';
import type { StateHolder, WorkbenchState } from './state';

export interface RunRecord {
  readonly script: string;
  /** File name, for people. */
  readonly name: string;
  readonly args: readonly string[];
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly bridge: Bridge;
  readonly errors: unknown[];
  /** What was open at its end; of the leaks only its own. */
  handles: readonly LiveHandle[];
  end: RunEnd | undefined;
}

/** The place that one script at a time can take: from the request to run it to its end. */
interface Slot {
  readonly name: string;
  readonly abort: AbortController;
  /** The bridge that the script runs on, or will. */
  readonly bridge: Promise<Bridge>;
  /** Once Python is there. */
  record: RunRecord | undefined;
  /** Settles when the slot is free again. */
  ended: Promise<unknown>;
}

export class Runs {
  private slot: Slot | undefined;
  private latest: RunRecord | undefined;
  /** The bridge whose Python crashed, until it is there again. */
  private lost: { readonly bridge: Bridge; readonly isGivenUp: boolean } | undefined;
  private readonly changes = new Emitter<RunRecord>();
  /** Told when a run begins and when it has ended. */
  readonly onDidChange = this.changes.on;

  constructor(
    private readonly owner: Pick<BridgeOwner, 'current' | 'get'>,
    private readonly states: StateHolder,
    private readonly limits: () => RunLimits = () => ({}),
  ) {}

  /** Name of the script that runs, or whose Python is being started. */
  get busyWith(): string | undefined {
    return this.slot?.name;
  }

  /** The run under way, else the newest that ended. */
  get last(): RunRecord | undefined {
    return this.latest;
  }

  /**
   * Runs a script to its end, starting Python first when needed. `busyWith` names it before this returns.
   * @returns the record, ended; a script that fails is an end, not a rejection.
   * @throws when Python cannot be started; `script-running` when another script runs.
   */
  async run(script: string, args: readonly string[] = []): Promise<RunRecord> {
    if (this.slot !== undefined) {
      throw new BridgeError(`${this.slot.name} is still running`, { code: 'script-running' });
    }
    const bridge = this.connect();
    const slot: Slot = {
      name: basename(script),
      abort: new AbortController(),
      bridge,
      record: undefined,
      ended: Promise.resolve(),
    };
    this.slot = slot;
    const run = this.follow(slot, script, args).finally(() => {
      this.free(slot);
    });
    slot.ended = run.catch(() => undefined);
    return await run;
  }

  /**
   * Python, started when it is not; the state follows. While a script runs this is its bridge, whatever has become of
   * the settings meanwhile: a new one would end the script. Rejects when Python cannot be started.
   */
  async connect(): Promise<Bridge> {
    if (this.slot !== undefined) return await this.slot.bridge;
    const isStarting = this.owner.current === undefined;
    if (isStarting) this.states.set({ kind: 'starting' });
    try {
      const bridge = await this.owner.get();
      if (isStarting && this.slot === undefined) this.states.set({ kind: 'idle', host: bridge.info });
      return bridge;
    } catch (error) {
      this.states.set({ kind: 'error', message: messageOf(error), host: undefined });
      throw error;
    }
  }

  /** Stops the run, also one whose Python is being started; resolves when it has ended. */
  async stop(): Promise<void> {
    const { slot } = this;
    if (slot === undefined) return;
    this.states.set({ kind: 'stopping', script: slot.name, host: slot.record?.bridge.info });
    slot.abort.abort();
    await slot.ended;
  }

  /** What has become of a bridge whose Python crashed; the state follows. */
  phaseChanged(bridge: Bridge, phase: HostPhase): void {
    const isLost = phase === 'crashed' || phase === 'given-up';
    this.lost = isLost ? { bridge, isGivenUp: phase === 'given-up' } : undefined;
    if (this.slot?.abort.signal.aborted) return;
    if (phase === 'restarting') this.states.set({ kind: 'restarting', host: undefined });
    else if (this.slot === undefined) this.states.set(this.stateOf(bridge));
    // The end of the run that lost its Python tells the rest.
    else if (phase === 'running')
      this.states.set({ kind: 'running', script: this.slot.name, host: bridge.info });
  }

  /** The state while no script runs. */
  private stateOf(bridge: Bridge): WorkbenchState {
    if (this.lost?.bridge !== bridge) return { kind: 'idle', host: bridge.running ? bridge.info : undefined };
    const { kind, message } = this.lost.isGivenUp ? GIVEN_UP : CRASHED;
    return { kind, message, host: undefined };
  }

  private async follow(slot: Slot, script: string, args: readonly string[]): Promise<RunRecord> {
    const { abort, name } = slot;
    const bridge = await slot.bridge;
    const began = Number(process.hrtime.bigint());
    const startedAt = Date.now();
    const nothing = { errors: [], handles: [], end: undefined };
    const record: RunRecord = { script, name, args, startedAt, bridge, ...nothing };
    slot.record = record;
    this.latest = record;
    if (!abort.signal.aborted) this.states.set({ kind: 'running', script: name, host: bridge.info });
    this.changes.fire(record);
    const health = bridge.onDidChangeHealth((how) => this.tellOfHealth(slot, how));
    record.end = await runToEnd(record, abort.signal, this.limits());
    health.dispose();
    const handles = await liveHandles(bridge);
    // Python tells of all leaks of its life; each is told with the run that made it.
    record.handles = handles.filter(({ leak, opened_ns }) => !leak || opened_ns >= began);
    this.free(slot);
    this.states.set(this.stateAfter(record));
    this.changes.fire(record);
    return record;
  }

  private tellOfHealth({ name, abort, record }: Slot, health: Health): void {
    if (record === undefined || abort.signal.aborted) return;
    const trouble = describeHealth(health) ?? undefined;
    this.states.set({ kind: 'running', script: name, host: record.bridge.info, trouble });
  }

  private stateAfter({ bridge, end, name }: RunRecord): WorkbenchState {
    const host = bridge.running ? bridge.info : undefined;
    if (this.lost?.bridge === bridge) return this.stateOf(bridge);
    if (end?.kind === 'failed') return { kind: 'error', message: messageOf(end.error), host };
    if (end?.kind === 'abandoned') return { kind: 'abandoned', script: name, host };
    return { kind: 'idle', host };
  }

  /** Whoever is told of the end may have begun the next run already. */
  private free(slot: Slot): void {
    if (this.slot === slot) this.slot = undefined;
  }
}

async function runToEnd(
  { bridge, script, args, errors }: RunRecord,
  signal: AbortSignal,
  limits: RunLimits,
): Promise<RunEnd> {
  if (signal.aborted) return { kind: 'stopped' };
  try {
    const { exitCode } = await runScript(bridge, script, { args, signal, limits });
    return { kind: 'exited', exitCode };
  } catch (error) {
    const end = endOf(error, signal);
    if (end.kind !== 'stopped') errors.push(error);
    return end;
  }
}

const CRASHED = {
  kind: 'crashed',
  message: "Python's process ended by itself; the next run starts it again.",
} as const;
const GIVEN_UP = {
  kind: 'given-up',
  message: "Python's process keeps crashing, and is not started again.",
} as const;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
