/**
 * Running, debugging and stopping scripts, from the palette, an editor's title, the explorer or a CodeLens.
 *
 * Threads: extension host main thread. Must not know: hosts, the wire.
 */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { workspaceRoot } from '../config';
import { launchOf } from '../debug/configuration';
import { isConductorScript, SCRIPT_GLOB } from '../ids';
import type { RunRecord } from '../workbench/runs';
import type { Workbench } from '../workbench/workbench';

/**
 * Runs a script to its end.
 * @param target where the command came from: a file in the explorer, an editor's title, a path, or nothing.
 * @param args the script's `sys.argv[1:]`, from a key binding or another extension; menus pass other things here.
 * @returns how it ended; undefined when nothing was run.
 */
export async function runScriptCommand(
  workbench: Workbench,
  target?: unknown,
  args?: unknown,
): Promise<RunRecord | undefined> {
  if (!trusted('Running')) return undefined;
  const argv = Array.isArray(args) && args.every((arg) => typeof arg === 'string') ? args : [];
  const script = await scriptOf(target);
  if (script === undefined || !(await save(script)) || !(await freeTheWay(workbench))) return undefined;
  const name = basename(script.fsPath);
  try {
    return await withRunProgress(workbench, name, () => workbench.runs.run(script.fsPath, argv));
  } catch (error) {
    workbench.failures.show('Python did not start', error);
    return undefined;
  }
}

export async function debugScriptCommand(target?: unknown): Promise<boolean> {
  if (!trusted('Debugging')) return false;
  const script = await scriptOf(target);
  if (script === undefined) return false;
  const folder = vscode.workspace.getWorkspaceFolder(script);
  return await vscode.debug.startDebugging(folder, {
    ...launchOf(script),
    cwd: folder?.uri.fsPath ?? workspaceRoot(),
  });
}

/** Stops the script that runs; says so when none does. */
export async function stopCommand(workbench: Workbench): Promise<void> {
  if (workbench.runs.current === undefined) {
    void vscode.window.setStatusBarMessage('No Conductor script is running.', 4000);
    return;
  }
  await workbench.runs.stop();
}

export function trusted(what: string): boolean {
  if (vscode.workspace.isTrusted) return true;
  const manage = 'Manage Trust';
  vscode.window
    .showWarningMessage(`${what} needs a trusted workspace: it runs code of this folder.`, manage)
    .then(
      (pressed) =>
        pressed === manage ? vscode.commands.executeCommand('workbench.trust.manage') : undefined,
      () => undefined,
    );
  return false;
}

/** Shows progress with a Cancel button while the script runs. */
async function withRunProgress(
  workbench: Workbench,
  name: string,
  run: () => Promise<RunRecord>,
): Promise<RunRecord> {
  const options = { location: vscode.ProgressLocation.Notification, title: name, cancellable: true };
  return await vscode.window.withProgress(options, async (progress, token) => {
    const cancelling = token.onCancellationRequested(() => void workbench.runs.stop());
    let shown = 0;
    workbench.editor.progressSink = {
      report: (fraction, message) => {
        const increment = fraction === null ? undefined : Math.max(0, fraction * 100 - shown);
        shown += increment ?? 0;
        progress.report({ message, increment });
      },
    };
    try {
      return await run();
    } finally {
      workbench.editor.progressSink = undefined;
      cancelling.dispose();
    }
  });
}

/** One script at a time: asks whether the one that runs may be stopped. */
async function freeTheWay(workbench: Workbench): Promise<boolean> {
  const { current } = workbench.runs;
  if (current === undefined) return true;
  const stop = 'Stop It and Run';
  const pressed = await vscode.window.showWarningMessage(`${current.name} is still running.`, stop);
  if (pressed !== stop) return false;
  await workbench.runs.stop();
  return true;
}

async function scriptOf(target: unknown): Promise<vscode.Uri | undefined> {
  if (target instanceof vscode.Uri) return target;
  if (typeof target === 'string') return vscode.Uri.file(target);
  const active = vscode.window.activeTextEditor?.document;
  if (active?.languageId === 'python' && (isConductorScript(active.uri.path) || !active.isUntitled))
    return active.uri;
  return await pickScript();
}

async function pickScript(): Promise<vscode.Uri | undefined> {
  const found = await vscode.workspace.findFiles(SCRIPT_GLOB, '**/{node_modules,.venv}/**', 200);
  if (found.length === 0) {
    void vscode.window.showInformationMessage(
      'This workspace has no *.conductor.py file. Open a Python file and run the command again.',
    );
    return undefined;
  }
  const items = found.map((uri) => ({
    label: basename(uri.fsPath),
    description: vscode.workspace.asRelativePath(uri),
    uri,
  }));
  items.sort((a, b) => a.label.localeCompare(b.label));
  return (
    await vscode.window.showQuickPick(items, {
      placeHolder: 'Conductor script to run',
      matchOnDescription: true,
    })
  )?.uri;
}

/** What runs is what is on disk, so an edited script is saved first. */
async function save(script: vscode.Uri): Promise<boolean> {
  const document = vscode.workspace.textDocuments.find(
    ({ uri, isDirty }) => isDirty && uri.toString() === script.toString(),
  );
  return document === undefined || (await document.save());
}
