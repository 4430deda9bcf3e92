/**
 * Purpose: questions whether Python lives, that wait for their answer.
 * Threads: JavaScript main thread only.
 * Must not know: frames, transports.
 */
import type { BridgeError } from './errors';

interface Ping {
  resolve(answer: string | null): void;
  reject(error: BridgeError): void;
}

export class Pings {
  private readonly waiting = new Map<number, Ping>();
  private nextId = 1;

  get size(): number {
    return this.waiting.size;
  }

  /** Sends a ping by `send`; the promise gives what the answer says. */
  start(send: (id: number) => void): Promise<string | null> {
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      this.waiting.set(id, { resolve, reject });
      send(id);
    });
  }

  /** Settles a ping; one that is not waited for is ignored. */
  answered(id: number, answer: string | null): void {
    const ping = this.waiting.get(id);
    this.waiting.delete(id);
    ping?.resolve(answer);
  }

  failAll(reason: BridgeError): void {
    for (const ping of this.waiting.values()) ping.reject(reason);
    this.waiting.clear();
  }
}
