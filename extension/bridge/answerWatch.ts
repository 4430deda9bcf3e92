/**
 * Purpose: looks out for answers without sleeping, while calls follow one another.
 * Threads: JavaScript main thread only; other work of the event loop runs between two looks.
 * Must not know: frames.
 *
 * Being woken by another thread takes tens of microseconds, longer than most calls. So after calls were
 * sent, this looks at the end of each turn of the event loop for a moment. Only while that is
 * worth it: long calls and an idle editor cost a few looks in vain, then nothing.
 */

/** How long to look after the last answer, or after sending; milliseconds. */
const LOOK_MS = 0.06;
/**
 * A single call that is answered this soon is waited for where it was sent: one turn of the event loop takes as long.
 * One after the other they may hold it up for so long, then it has its turn.
 */
const SHORT_MS = 0.015;
const HOLD_MS = 0.5;
/** An answer within this time of its call would have been worth looking for. */
const SOON_MS = 0.25;
/**
 * Looking is paid from a purse. In vain it costs as much as some answers, found by looking or soon after a wake-up,
 * bring in: on a busy machine, where looking keeps Python's thread from its processor, it stays the exception.
 */
const PRICE = 8;
const PURSE = 16;

/** Takes what waits and hands it on; whether there was something. `stay`: nobody needs to wake us, we look again. */
export type Look = (stay: boolean) => boolean;

export class AnswerWatch {
  private watching = false;
  private purse = 0;
  private since = 0;
  /** When the event loop last came by. */
  private turned = 0;
  /** The last answer to a single call came at once. */
  private quick = true;

  /**
   * @param look never throws
   * @param expected how many calls are in flight
   */
  constructor(
    private readonly look: Look,
    private readonly expected: () => number,
  ) {}

  /** Calls have just been sent. */
  sent(): void {
    this.since = performance.now();
    if (this.purse < 0 || this.expected() === 0) return;
    if (!this.watching) {
      this.watching = true;
      this.turned = this.since;
      this.look(true);
      setImmediate(this.turn);
    }
    if (this.expected() === 1 && this.quick && this.since - this.turned < HOLD_MS) this.quick = this.wait();
  }

  /** An answer came by the wake-up, or because a turn of the event loop looked by itself. */
  woken(): void {
    const now = performance.now();
    if (now - this.since < SOON_MS) this.earn();
    if (this.watching) this.since = now;
  }

  private readonly turn = (): void => {
    this.turned = performance.now();
    if (this.look(true)) {
      this.quick = this.turned - this.since < SHORT_MS;
      this.since = this.turned;
      this.earn();
    } else if (this.turned - this.since > LOOK_MS) {
      this.purse -= PRICE;
      return this.end();
    }
    if (this.expected() > 0) setImmediate(this.turn);
    else this.end();
  };

  /** Stays for the answer to a single call, and tells whether it came. */
  private wait(): boolean {
    const until = this.since + SHORT_MS;
    while (!this.look(true)) if (performance.now() > until) return false;
    this.earn();
    return true;
  }

  private earn(): void {
    if (this.purse < PURSE) this.purse += 1;
  }

  private end(): void {
    this.watching = false;
    // What comes from here on wakes us; what has come until now is taken.
    this.look(false);
  }
}
