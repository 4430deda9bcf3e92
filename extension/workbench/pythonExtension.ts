/**
 * Asks the Python extension, when it is there, which interpreter the user chose in it. A soft dependency: without
 * the extension, or when it fails, there is simply no answer.
 *
 * Threads: extension host main thread. Must not know: what the answer is used for.
 */
import { PythonExtension } from '@vscode/python-extension';
import * as vscode from 'vscode';

/** @returns the path of the chosen interpreter. */
export async function pythonExtensionChoice(): Promise<string | undefined> {
  if (vscode.extensions.getExtension('ms-python.python') === undefined) return undefined;
  const { environments } = await PythonExtension.api();
  const active = environments.getActiveEnvironmentPath(vscode.workspace.workspaceFolders?.[0]?.uri);
  const resolved = await environments.resolveEnvironment(active);
  return resolved?.executable.uri?.fsPath;
}
