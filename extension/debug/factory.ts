/**
 * Gives VS Code the adapter, in this process, one per session.
 *
 * Threads: extension host main thread. Must not know: the debug adapter protocol.
 */
import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../ids';
import { ConductorAdapter } from './adapter';
import { type ChildOptions, startChildDebuggee } from './childDebuggee';
import type { Message } from './dap';

/** Adapters of sessions that VS Code has not ended yet. */
export class AdapterFactory implements vscode.DebugAdapterDescriptorFactory, vscode.Disposable {
  private readonly live = new Set<InlineAdapter>();

  /** @param options for each session anew, because settings change between them. */
  constructor(private readonly options: () => ChildOptions) {}

  register(): vscode.Disposable {
    return vscode.Disposable.from(vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, this), this);
  }

  createDebugAdapterDescriptor(): vscode.DebugAdapterDescriptor {
    const adapter: InlineAdapter = new InlineAdapter(this.options(), () => this.live.delete(adapter));
    this.live.add(adapter);
    return new vscode.DebugAdapterInlineImplementation(adapter);
  }

  /** Ends every session's child; resolves when none is left. */
  async close(): Promise<void> {
    await Promise.all([...this.live].map((adapter) => adapter.close()));
  }

  dispose(): void {
    void this.close();
  }
}

class InlineAdapter implements vscode.DebugAdapter {
  private readonly messages = new vscode.EventEmitter<vscode.DebugProtocolMessage>();
  readonly onDidSendMessage = this.messages.event;
  private readonly adapter: ConductorAdapter;

  constructor(
    options: ChildOptions,
    private readonly gone: () => void,
  ) {
    this.adapter = new ConductorAdapter(
      (launch, events) => startChildDebuggee(options, launch, events),
      (message) => this.messages.fire(message as vscode.DebugProtocolMessage),
    );
  }

  handleMessage(message: vscode.DebugProtocolMessage): void {
    this.adapter.handle(message as Message);
  }

  async close(): Promise<void> {
    await this.adapter.dispose();
    this.gone();
  }

  dispose(): void {
    void this.close();
  }
}
