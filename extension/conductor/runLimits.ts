/**
 * Purpose: ends a run that takes more time or memory than it may.
 * Threads: JavaScript main thread.
 * Must not know: how a script is run or stopped.
 */
import { BridgeError } from '../bridge/errors';
import { memoryOf } from './processes';

/** What a run may take; what is absent has no limit. */
export interface RunLimits {
  /** Seconds from its start. */
  readonly seconds?: number;
  /** Mebibytes of its process and of those that it has started; only where Python has a process of its own. */
  readonly mebibytes?: number;
}

const MIB = 1024 * 1024;
/** Between two looks at the memory, milliseconds. */
const LOOK_MS = 200;

interface Reason {
  readonly code: string;
  readonly message: string;
}

/** Watches over one run. */
export class LimitGuard {
  private readonly over = new AbortController();
  private readonly timers: NodeJS.Timeout[] = [];
  private reason: Reason | null = null;

  /** @param processOf gives the process whose memory is looked at; absent when that is not the run's own */
  constructor({ seconds, mebibytes }: RunLimits, processOf?: () => number) {
    if (seconds !== undefined) {
      const message = `the script took longer than its limit of ${seconds} s and was stopped`;
      this.timers.push(setTimeout(() => this.exceed({ code: 'time-limit', message }), seconds * 1000));
    }
    if (mebibytes !== undefined && processOf !== undefined) {
      this.timers.push(setInterval(() => this.weigh(memoryOf(processOf()) / MIB, mebibytes), LOOK_MS));
    }
  }

  /** Aborted when a limit is exceeded. */
  get signal(): AbortSignal {
    return this.over.signal;
  }

  /** Memory that is gone cannot wait for a script's clean-up. */
  get isUrgent(): boolean {
    return this.reason?.code === 'memory-limit';
  }

  /** The error of a run that ended with `error`: that the limit was exceeded, where it was. */
  errorFor(error: unknown): unknown {
    return this.reason
      ? new BridgeError(this.reason.message, { code: this.reason.code, cause: error })
      : error;
  }

  dispose(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }

  private weigh(used: number, limit: number): void {
    if (used <= limit) return;
    const what = `the script's processes took ${Math.ceil(used)} MiB of memory, more than their limit of ${limit} MiB`;
    this.exceed({ code: 'memory-limit', message: `${what}, and were ended` });
  }

  private exceed(reason: Reason): void {
    this.dispose();
    this.reason = reason;
    this.over.abort();
  }
}
