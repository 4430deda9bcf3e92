/**
 * Owns the bridge's life: opens it on first use, gives the same one to all, opens a new one when a setting changed,
 * closes it at the end.
 *
 * Threads: extension host main thread. Must not know: VS Code, scripts, views.
 */
import { BridgeClosed } from '../bridge/errors';
import { type Bridge, type OpenOptions, openBridge } from '../conductor/openBridge';

export interface BridgeOwnerOptions {
  /** The options for the next opening, read anew each time. */
  options(): Promise<OpenOptions>;
  /** Called once for each bridge that is open, before anybody uses it. */
  opened(bridge: Bridge): void;
}

export class BridgeOwner {
  private bridge: Bridge | undefined;
  private opening: Promise<Bridge> | undefined;
  private isStale = false;
  private isClosed = false;

  constructor(private readonly owner: BridgeOwnerOptions) {}

  /** The bridge, if there is one; never starts Python. One that crashed starts again by itself when it is called. */
  get current(): Bridge | undefined {
    return this.bridge;
  }

  /** The bridge; the first call starts Python. */
  get(): Promise<Bridge> {
    if (this.isClosed) return Promise.reject(closed());
    if (this.current !== undefined && !this.isStale) return Promise.resolve(this.current);
    this.opening ??= this.open().finally(() => {
      this.opening = undefined;
    });
    return this.opening;
  }

  /** Settings changed: the next use begins with them. */
  markStale(): void {
    this.isStale = true;
  }

  /** Ends what runs and starts anew with the settings as they are now. */
  async restart(): Promise<Bridge> {
    this.isStale = true;
    return await this.get();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.opening?.catch(() => undefined);
    await this.bridge?.close();
    this.bridge = undefined;
  }

  private async open(): Promise<Bridge> {
    const old = this.bridge;
    this.bridge = undefined;
    await old?.close();
    this.isStale = false;
    const bridge = await openBridge(await this.owner.options());
    this.bridge = bridge;
    this.owner.opened(bridge);
    return bridge;
  }
}

function closed(): BridgeClosed {
  return new BridgeClosed('the workbench is closed', { hint: 'Reload the window, and call again.' });
}
