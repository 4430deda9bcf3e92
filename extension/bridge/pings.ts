/**
 * Purpose: round trips to Python's runtime that wait for their answer.
 * Threads: JavaScript main thread only.
 * Must not know: frames, transports.
 */
import type { BridgeError } from './errors';

interface Ping {
  resolve(ms: number): void;
  reject(error: BridgeError): void;
  sent: number;
}

export class Pings {
  private readonly waiting = new Map<number, Ping>();
  private nextId = 1;

  get size(): number {
    return this.waiting.size;
  }

  /** Sends a ping by `send`; the promise tells how many milliseconds its answer took. */
  start(send: (id: number) => void): Promise<number> {
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      this.waiting.set(id, { resolve, reject, sent: performance.now() });
      send(id);
    });
  }

  /** Settles a ping; one that is not waited for is ignored. */
  answered(id: number): void {
    const ping = this.waiting.get(id);
    this.waiting.delete(id);
    ping?.resolve(performance.now() - ping.sent);
  }

  failAll(reason: BridgeError): void {
    for (const ping of this.waiting.values()) ping.reject(reason);
    this.waiting.clear();
  }
}
