/**
 * Links in the output: VS Code itself links only files of the workspace, and joined stacks go through ours, the
 * bridge's and Python's.
 *
 * Threads: extension host main thread. Must not know: who wrote the text.
 */
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import { findSourcePlaces } from './sourcePlaces';

/** Output may be megabytes; only its end is looked at, where the newest error is. */
const MAX_LINES = 2000;

export class SourceLinks implements vscode.DocumentLinkProvider {
  /** @param roots where relative paths such as `native/pit/src/pool.rs` are looked for, first match wins. */
  constructor(private readonly roots: () => readonly string[]) {}

  register(): vscode.Disposable {
    return vscode.languages.registerDocumentLinkProvider(
      { scheme: 'output', pattern: '**/*Symphony Conductor*' },
      this,
    );
  }

  provideDocumentLinks(document: vscode.TextDocument): vscode.DocumentLink[] {
    const links: vscode.DocumentLink[] = [];
    for (let line = Math.max(0, document.lineCount - MAX_LINES); line < document.lineCount; line += 1) {
      for (const place of findSourcePlaces(document.lineAt(line).text)) {
        const path = this.find(place.file);
        if (path === undefined) continue;
        const range = new vscode.Range(line, place.start, line, place.end);
        links.push(
          new vscode.DocumentLink(range, vscode.Uri.file(path).with({ fragment: `L${place.line}` })),
        );
      }
    }
    return links;
  }

  private find(file: string): string | undefined {
    const candidates = isAbsolute(file) ? [file] : this.roots().map((root) => join(root, file));
    return candidates.find((candidate) => existsSync(candidate));
  }
}
