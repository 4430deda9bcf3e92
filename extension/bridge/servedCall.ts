/**
 * Purpose: one call from Python that TypeScript is answering: its signal, and the calls to Python that are made for it.
 * Threads: JavaScript main thread only.
 * Must not know: frames.
 */
import type { BridgeError } from './errors';
import type { CurrentCall } from './scope';

/** Ends a call to Python that was made for the one that is cancelled. */
export type Follower = (reason: BridgeError) => void;

/** The controller is made on demand: its existence says that somebody listens. */
export class ServedCall implements CurrentCall {
  private controller: AbortController | null = null;
  private followers: Set<Follower> | null = null;

  constructor(
    readonly name: string,
    readonly span: number,
    /** Its id among the calls of `owner`; 0 for one that is answered at once. */
    readonly id: number,
    readonly owner: object,
  ) {}

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    return this.controller.signal;
  }

  /** A call that is cancelled along with this one, as long as it is under way. Returns what ends that. */
  follow(follower: Follower): () => void {
    this.followers ??= new Set();
    const { followers } = this;
    followers.add(follower);
    return () => followers.delete(follower);
  }

  /** False when nobody hears of it, so nobody will end early. */
  abort(reason: BridgeError): boolean {
    const followers = this.followers ? [...this.followers] : [];
    this.controller?.abort(reason);
    for (const follower of followers) follower(reason);
    return this.controller !== null || followers.length > 0;
  }
}
