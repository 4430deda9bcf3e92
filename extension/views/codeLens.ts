/**
 * "Run | Debug | Trace" on top of every Conductor script.
 *
 * Threads: extension host main thread. Must not know: what the commands do.
 */
import * as vscode from 'vscode';
import { COMMANDS, SCRIPT_GLOB } from '../ids';

export function registerCodeLenses(): vscode.Disposable {
  return vscode.languages.registerCodeLensProvider(
    { pattern: SCRIPT_GLOB, scheme: 'file' },
    { provideCodeLenses },
  );
}

function provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
  const top = new vscode.Range(0, 0, 0, 0);
  const lens = (title: string, command: string): vscode.CodeLens =>
    new vscode.CodeLens(top, { title, command, arguments: [document.uri] });
  const openTrace = lens('$(graph) Trace', COMMANDS.openTrace);
  if (!vscode.workspace.isTrusted) return [openTrace];
  return [
    lens('$(play) Run', COMMANDS.runScript),
    lens('$(debug-alt) Debug', COMMANDS.debugScript),
    openTrace,
  ];
}
