/**
 * What the workbench is doing, as the status bar and the context keys show it.
 *
 * Must not know: VS Code.
 */
import { Emitter } from '../bridge/emitter';
import type { HostInfo } from '../conductor/host';

export type WorkbenchState =
  | { readonly kind: 'idle'; readonly host: HostInfo | undefined }
  | { readonly kind: 'starting' }
  | {
      readonly kind: 'running';
      readonly script: string;
      readonly host: HostInfo;
      /** What keeps Python from answering; absent while it answers. */
      readonly trouble?: string;
    }
  | { readonly kind: 'stopping'; readonly script: string; readonly host: HostInfo | undefined }
  /** The last script could not be stopped, and was left to itself. */
  | { readonly kind: 'abandoned'; readonly script: string; readonly host: HostInfo | undefined }
  /** Python's process ended by itself; the next call starts it again. */
  | { readonly kind: 'crashed'; readonly message: string; readonly host: undefined }
  | { readonly kind: 'restarting'; readonly host: undefined }
  /** It crashed so often that only a person starts it again. */
  | { readonly kind: 'given-up'; readonly message: string; readonly host: undefined }
  | { readonly kind: 'error'; readonly message: string; readonly host: HostInfo | undefined };

/** Holds the state and tells of every change. */
export class StateHolder {
  private readonly changes = new Emitter<WorkbenchState>();
  private state: WorkbenchState = { kind: 'idle', host: undefined };

  get current(): WorkbenchState {
    return this.state;
  }

  set(state: WorkbenchState): void {
    this.state = state;
    this.changes.fire(state);
  }

  /** The listener hears the present state at once. */
  watch(listener: (state: WorkbenchState) => void): { dispose(): void } {
    listener(this.state);
    return this.changes.on(listener);
  }
}
