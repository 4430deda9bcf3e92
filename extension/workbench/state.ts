/**
 * What the workbench is doing, as the status bar and the context keys show it.
 *
 * Must not know: VS Code.
 */
import type { HostInfo } from '../conductor/host';

export type WorkbenchState =
  | { readonly kind: 'idle'; readonly host: HostInfo | undefined }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly script: string; readonly host: HostInfo }
  | { readonly kind: 'stopping'; readonly script: string; readonly host: HostInfo }
  | { readonly kind: 'error'; readonly message: string; readonly host: HostInfo | undefined };

/** Holds the state and tells of every change. */
export class StateHolder {
  private readonly listeners = new Set<(state: WorkbenchState) => void>();
  private state: WorkbenchState = { kind: 'idle', host: undefined };

  get current(): WorkbenchState {
    return this.state;
  }

  set(state: WorkbenchState): void {
    this.state = state;
    for (const listener of [...this.listeners]) listener(state);
  }

  /** The listener hears the present state at once. */
  watch(listener: (state: WorkbenchState) => void): { dispose(): void } {
    this.listeners.add(listener);
    listener(this.state);
    return { dispose: () => void this.listeners.delete(listener) };
  }
}
