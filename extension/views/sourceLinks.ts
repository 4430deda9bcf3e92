/**
 * Opens source places: from the trace panel, and as links in the output (VS Code itself links only files of the
 * workspace, and joined stacks go through ours, the bridge's and Python's).
 *
 * Threads: extension host main thread. Must not know: who asks.
 */
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import { findSourcePlaces } from './sourcePlaces';

export class SourceLinks implements vscode.DocumentLinkProvider {
  /** @param roots where relative paths such as `native/pit/src/pool.rs` are looked for, first match wins. */
  constructor(private readonly roots: () => readonly string[]) {}

  register(): vscode.Disposable {
    return vscode.languages.registerDocumentLinkProvider({ scheme: 'output', pattern: '**/*Symphony Conductor*' }, this);
  }

  /** Opens the file at the line (1-based). A file that is not there is a message, never an exception. */
  async open(file: string, line: number): Promise<void> {
    const path = this.find(file);
    if (path === undefined) {
      void vscode.window.showWarningMessage(
        `${file} is not on this machine: it was part of the build or of another folder. Looked in ${this.roots().join(', ')}.`,
      );
      return;
    }
    const document = await vscode.workspace.openTextDocument(path);
    const row = Math.min(Math.max(line, 1), document.lineCount) - 1;
    const place = new vscode.Range(row, 0, row, 0);
    const editor = await vscode.window.showTextDocument(document, { selection: place, viewColumn: this.column() });
    editor.revealRange(place, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  provideDocumentLinks(document: vscode.TextDocument): vscode.DocumentLink[] {
    return findSourcePlaces(document.getText()).flatMap((place) => {
      const path = this.find(place.file);
      if (path === undefined) return [];
      const range = new vscode.Range(document.positionAt(place.start), document.positionAt(place.end));
      return [new vscode.DocumentLink(range, vscode.Uri.file(path).with({ fragment: `L${place.line}` }))];
    });
  }

  private find(file: string): string | undefined {
    const candidates = isAbsolute(file) ? [file] : this.roots().map((root) => join(root, file));
    return candidates.find((candidate) => existsSync(candidate));
  }

  /** Beside the panel that was clicked, not in its place. */
  private column(): vscode.ViewColumn {
    const isEditor = vscode.window.tabGroups.activeTabGroup.activeTab?.input instanceof vscode.TabInputText;
    if (isEditor) return vscode.ViewColumn.Active;
    const other = vscode.window.tabGroups.all.find((group) => !group.isActive);
    return other?.viewColumn ?? vscode.ViewColumn.Beside;
  }
}
