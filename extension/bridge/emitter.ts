/**
 * Purpose: the smallest event source; listeners cannot break one another.
 * Threads: JavaScript main thread only.
 * Must not know: what is emitted.
 */
export class Emitter<T> {
  private readonly listeners = new Set<(value: T) => void>();

  /** Subscribes; usable unbound, as `onDid…` of its owner. */
  readonly on = (listener: (value: T) => void): { dispose(): void } => {
    // A wrapper per subscription lets one function subscribe twice.
    const entry = (value: T): void => listener(value);
    this.listeners.add(entry);
    return { dispose: () => void this.listeners.delete(entry) };
  };

  fire(value: T): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(value);
      } catch (error) {
        // A listener's fault is its own: report it without stopping the others.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
