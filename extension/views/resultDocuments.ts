/**
 * Read-only documents for results: what a Pit operation returned, for instance.
 *
 * Threads: extension host main thread. Must not know: what the results mean.
 */
import * as vscode from 'vscode';
import { RESULT_SCHEME } from '../ids';

export class ResultDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(RESULT_SCHEME, this);
  private readonly closing = vscode.workspace.onDidCloseTextDocument((document) => {
    this.texts.delete(document.uri.toString());
  });
  private count = 0;

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? 'This result is no longer kept. Invoke the operation again.';
  }

  /** @param name file name; its suffix decides the language. */
  async show(name: string, text: string): Promise<vscode.TextEditor> {
    this.count += 1;
    const uri = vscode.Uri.from({ scheme: RESULT_SCHEME, path: `/${this.count}/${name}` });
    this.texts.set(uri.toString(), text);
    const document = await vscode.workspace.openTextDocument(uri);
    return await vscode.window.showTextDocument(document, { preview: true });
  }

  dispose(): void {
    this.registration.dispose();
    this.closing.dispose();
  }
}
