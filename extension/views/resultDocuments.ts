/**
 * Read-only documents for results: a report of a script, what a Pit operation returned. Closing one asks nothing.
 *
 * Threads: extension host main thread. Must not know: what the results mean.
 */
import * as vscode from 'vscode';
import { RESULT_SCHEME } from '../ids';

export interface ShowOptions {
  readonly language?: string;
  /** False keeps the tab when another file is opened. */
  readonly preview?: boolean;
}

export class ResultDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(RESULT_SCHEME, this);
  // Not with the document: that is closed and opened again when it gets its language, and while its tab is hidden.
  private readonly closing = vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
    for (const { input } of closed) {
      if (input instanceof vscode.TabInputText) this.texts.delete(input.uri.toString());
    }
  });
  private readonly changes = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changes.event;
  private count = 0;

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? 'This result is no longer kept. Invoke the operation again.';
  }

  /** @param name file name; its suffix decides the language unless one is given. */
  async show(name: string, text: string, options: ShowOptions = {}): Promise<vscode.TextEditor> {
    this.count += 1;
    const uri = vscode.Uri.from({ scheme: RESULT_SCHEME, path: `/${this.count}/${name}` });
    this.texts.set(uri.toString(), text);
    const document = await vscode.workspace.openTextDocument(uri);
    if (options.language !== undefined) {
      // A language that this editor does not know leaves plain text, which is no reason to fail.
      await vscode.languages
        .setTextDocumentLanguage(document, options.language)
        .then(undefined, () => undefined);
    }
    return await vscode.window.showTextDocument(document, { preview: options.preview ?? true });
  }

  /** Shows Markdown as it reads, not as it is written; a page of the same name is replaced. */
  async render(name: string, markdown: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: RESULT_SCHEME, path: `/rendered/${name}.md` });
    this.texts.set(uri.toString(), markdown);
    this.changes.fire(uri);
    await vscode.commands.executeCommand('markdown.showPreview', uri);
  }

  dispose(): void {
    this.registration.dispose();
    this.closing.dispose();
    this.changes.dispose();
  }
}
