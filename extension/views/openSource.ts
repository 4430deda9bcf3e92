/**
 * Opens the line that a span, a frame or a handle points at.
 *
 * Paths come from three languages: absolute from Python and TypeScript, relative to the sources from Rust.
 * Must not know: traces.
 */
import { isAbsolute } from 'node:path';
import * as vscode from 'vscode';

/** A place in a source file; line and column count from 1. */
export interface SourcePlace {
  file: string;
  line: number;
  column?: number;
}

/** Shows `place` in an editor that does not cover `avoid`. Tells the user when the file is not there. */
export async function openSource(
  place: SourcePlace,
  extensionUri: vscode.Uri,
  avoid?: vscode.ViewColumn,
): Promise<void> {
  const uri = await find(place.file, extensionUri);
  if (!uri) {
    void vscode.window.showWarningMessage(`Source not found: ${place.file}:${place.line}`);
    return;
  }
  const position = new vscode.Position(Math.max(0, place.line - 1), Math.max(0, (place.column ?? 1) - 1));
  const viewColumn = avoid === vscode.ViewColumn.One ? vscode.ViewColumn.Beside : vscode.ViewColumn.One;
  await vscode.window.showTextDocument(uri, {
    viewColumn,
    selection: new vscode.Range(position, position),
  });
}

async function find(file: string, extensionUri: vscode.Uri): Promise<vscode.Uri | undefined> {
  const candidates = isAbsolute(file)
    ? [vscode.Uri.file(file)]
    : [
        ...(vscode.workspace.workspaceFolders ?? []).map((folder) => vscode.Uri.joinPath(folder.uri, file)),
        vscode.Uri.joinPath(extensionUri, file),
        vscode.Uri.joinPath(extensionUri, 'native', file),
      ];
  for (const candidate of candidates) {
    try {
      await vscode.workspace.fs.stat(candidate);
      return candidate;
    } catch {
      // Not this one.
    }
  }
  return undefined;
}
