/**
 * Purpose: brings a crashed host back when it is needed next, and stops doing so when it keeps crashing.
 * Threads: JavaScript main thread.
 * Must not know: which host it watches; it never repeats a call.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Emitter } from '../bridge/emitter';
import { BridgeClosed, BridgeError } from '../bridge/errors';
import type { Session } from '../bridge/session';
import type { ConductorHost } from './host';

/** What has become of a host that nobody asked to end; `running` when it is there again. */
export type HostPhase = 'running' | 'crashed' | 'restarting' | 'given-up';

/** When to give up, and how long to wait between starts. */
export interface RestartPolicy {
  /** More crashes than this within `windowMs` need a person's restart. */
  crashes: number;
  windowMs: number;
  /** Delay before the second start in the window; doubles with each crash. The first is at once. */
  firstDelayMs: number;
  longestDelayMs: number;
}

export const DEFAULT_POLICY: RestartPolicy = {
  crashes: 4,
  windowMs: 3 * 60_000,
  firstDelayMs: 250,
  longestDelayMs: 8000,
};

/** Watches one host. */
export class Supervisor {
  private crashes: number[] = [];
  private starting: Promise<void> | null = null;
  private stopping: Promise<void> | null = null;
  private readonly phases = new Emitter<HostPhase>();
  readonly onDidChangePhase = this.phases.on;

  constructor(
    private readonly host: ConductorHost,
    private readonly policy: RestartPolicy = DEFAULT_POLICY,
    private readonly now: () => number = Date.now,
  ) {
    host.onDidExit(({ expected }) => {
      if (expected) return;
      this.crashes.push(this.now());
      this.phases.fire(this.recentCrashes() > this.policy.crashes ? 'given-up' : 'crashed');
    });
  }

  /** True from `stop()` on, until a person's restart. */
  get stopped(): boolean {
    return this.stopping !== null;
  }

  /**
   * The session to make the next call on; starts a crashed host first.
   * @throws BridgeClosed after `stop()`; BridgeError `crash-loop` when it crashed too often
   */
  async ready(): Promise<Session> {
    if (this.stopped) throw new BridgeClosed();
    if (!this.host.running) await this.bringBack();
    return this.host.session;
  }

  /** A person's restart: forgets earlier crashes. */
  async restart(): Promise<void> {
    this.crashes = [];
    this.stopping = null;
    await this.once(() => this.start());
  }

  /** Whoever stops it again waits for the same end. */
  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private async end(): Promise<void> {
    await this.starting?.catch(() => {});
    await this.host.stop();
  }

  private bringBack(): Promise<void> {
    return this.once(async () => {
      const recent = this.recentCrashes();
      if (recent > this.policy.crashes) throw this.crashLoop(recent);
      if (recent > 1) {
        this.phases.fire('restarting');
        await delay(this.backoff(recent));
      }
      await this.start();
    });
  }

  private async start(): Promise<void> {
    this.phases.fire('restarting');
    try {
      await this.host.restart();
    } catch (error) {
      this.phases.fire('crashed');
      throw error;
    }
    this.phases.fire('running');
  }

  /** Callers that come while a start is under way share it. */
  private once(start: () => Promise<void>): Promise<void> {
    this.starting ??= start().finally(() => {
      this.starting = null;
    });
    return this.starting;
  }

  private recentCrashes(): number {
    const since = this.now() - this.policy.windowMs;
    this.crashes = this.crashes.filter((at) => at >= since);
    return this.crashes.length;
  }

  private backoff(recent: number): number {
    const full = Math.min(this.policy.longestDelayMs, this.policy.firstDelayMs * 2 ** (recent - 2));
    // Jitter keeps several windows from starting in step.
    return full * (0.5 + Math.random() / 2);
  }

  private crashLoop(recent: number): BridgeError {
    return new BridgeError(
      `Python's process crashed ${recent} times within ${this.policy.windowMs / 60_000} minutes and is not started again`,
      {
        code: 'crash-loop',
        hint: 'See the crash report, then use "Restart Conductor".',
      },
    );
  }
}
