/**
 * Purpose: tells of calls that go on after their cancellation, from Python's reports, and of their end.
 * Threads: JavaScript main thread only.
 * Must not know: frames, transports.
 */
import { Emitter } from './emitter';

/** Events of Python's runtime. Twin: `symphony_bridge._runtime`. */
export const CANCEL_IGNORED = 'cancel-ignored';
export const CANCEL_ENDED = 'cancel-ended';

/** A call that goes on although it was cancelled: it ignores that, or takes long to clean up. */
export interface IgnoredCancel {
  /** What the caller named; for what Rust called, Python's function. */
  readonly label: string;
  /** How long ago it was cancelled, when this was told. */
  readonly seconds: number;
  /** Where Python is now: each coroutine that awaits the next. */
  readonly stack: string;
  /** True when it was told before, and has ended now. */
  readonly ended: boolean;
}

/** What Python reports of a call. */
export interface CancelReport {
  call: number;
  name: string;
  seconds: number;
  stack: string;
}

/** Those that were told of and have not ended. */
export class IgnoredCancels {
  private readonly told = new Emitter<IgnoredCancel>();
  readonly on = this.told.on;
  private readonly open = new Map<number, { label: string; since: number; stack: string }>();

  /** A call goes on; `seconds` after its cancellation. */
  begin(call: number, label: string, seconds: number, stack: string): void {
    if (call !== 0) this.open.set(call, { label, since: performance.now() - seconds * 1000, stack });
    this.told.fire({ label, seconds, stack, ended: false });
  }

  /** A call was given up, which its caller has been told; only its end is news. */
  abandoned(call: number, label: string): void {
    this.open.set(call, { label, since: performance.now(), stack: '' });
  }

  /** It has ended. */
  end(call: number): void {
    const known = this.open.get(call);
    if (!known) return;
    this.open.delete(call);
    const seconds = (performance.now() - known.since) / 1000;
    this.told.fire({ label: known.label, seconds, stack: known.stack, ended: true });
  }
}

/** For a log. */
export function describeIgnored({ label, seconds, stack, ended }: IgnoredCancel): string {
  const time = `${seconds.toFixed(1)} s`;
  if (ended) return `${label} has ended, ${time} after it was cancelled\n`;
  const place = stack.trimEnd();
  return `${label} goes on ${time} after it was cancelled${place === '' ? '' : `; it is at:\n${place}`}\n`;
}
