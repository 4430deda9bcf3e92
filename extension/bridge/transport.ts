/**
 * Purpose: what a session needs of whatever moves its frames.
 * Threads: JavaScript main thread only.
 * Must not know: calls, values.
 */

/** Moves whole frames between this session and Python. */
export interface Transport {
  /**
   * Takes one or more whole frames; the session does not touch the bytes again before `sent` is called. A transport that
   * fails need not call it.
   */
  send(frames: Uint8Array, sent?: () => void): void;
  /** Whether `send` also takes a frame in parts, one after the other. */
  readonly inParts?: boolean;
  /**
   * The callback gets one or more whole frames per call, in order. `now`: a synchronous call holds this thread, so
   * answers must be sent before the callback returns.
   */
  onData(callback: (frames: Uint8Array, now?: boolean) => void): void;
  /**
   * Where looking for frames is cheap: takes those that wait, `onData` does not see them. After `poll(true)` it is not
   * told of any until `poll(false)`. Where turns of the event loop look by themselves, there is nothing to take.
   */
  poll?(stay: boolean): Uint8Array | undefined;
  close(): void;
}
