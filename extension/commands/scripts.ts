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
import type { ProgressSink } from '../views/editorFunctions';
import type { RunRecord } from '../workbench/runs';
import type { Workbench } from '../workbench/workbench';

/** From a file's opening to the extension host's knowledge of it, on a slow machine. */
const TAB_ARRIVES_MS = 300;

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
  if (script === undefined || !(await save(script))) return undefined;
  // Looked at again after every question, and nothing is waited for between the last look and the run.
  while (workbench.runs.busyWith !== undefined) {
    if (!(await freeTheWay(workbench, workbench.runs.busyWith))) return undefined;
  }
  const run = workbench.runs.run(script.fsPath, argv);
  try {
    return await withRunProgress(workbench, basename(script.fsPath), run);
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
  if (workbench.runs.busyWith === undefined) {
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

/** Shows progress with a Cancel button until the run has ended. */
async function withRunProgress(
  workbench: Workbench,
  name: string,
  run: Promise<RunRecord>,
): Promise<RunRecord> {
  const options = { location: vscode.ProgressLocation.Notification, title: name, cancellable: true };
  const progress = new RunProgress();
  const showing = workbench.editor.showProgressIn(progress);
  try {
    const shown = vscode.window.withProgress(options, async (display, token) => {
      const cancelling = token.onCancellationRequested(() => void workbench.runs.stop());
      progress.showIn(display);
      await run.catch(() => undefined).finally(() => cancelling.dispose());
    });
    const record = await run;
    await shown;
    return record;
  } finally {
    showing.dispose();
  }
}

/** What the script reports; the notification that shows it comes a moment after the run has begun. */
class RunProgress implements ProgressSink {
  private display: vscode.Progress<{ message?: string; increment?: number }> | undefined;
  private latest: { fraction: number | null; message: string } | undefined;
  private percent = 0;

  report(fraction: number | null, message: string): void {
    this.latest = { fraction, message };
    this.update();
  }

  showIn(display: vscode.Progress<{ message?: string; increment?: number }>): void {
    this.display = display;
    this.update();
  }

  private update(): void {
    if (this.display === undefined || this.latest === undefined) return;
    const { fraction, message } = this.latest;
    const increment = fraction === null ? undefined : Math.max(0, fraction * 100 - this.percent);
    this.percent += increment ?? 0;
    this.display.report({ message, increment });
  }
}

/** One script at a time: asks whether the one that runs may be stopped. */
async function freeTheWay(workbench: Workbench, running: string): Promise<boolean> {
  const stop = 'Stop It and Run';
  const pressed = await vscode.window.showWarningMessage(`${running} is still running.`, stop);
  if (pressed !== stop) return false;
  await workbench.runs.stop();
  return true;
}

async function scriptOf(target: unknown): Promise<vscode.Uri | undefined> {
  if (target instanceof vscode.Uri) return target;
  if (typeof target === 'string') return vscode.Uri.file(target);
  return scriptInFront() ?? (await scriptThatComes()) ?? (await pickScript());
}

/** The Python file that a person looks at. */
function scriptInFront(): vscode.Uri | undefined {
  // Right after a file was opened only its tab is known here; the editor follows when its text has arrived.
  const tab = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (tab instanceof vscode.TabInputText && tab.uri.scheme !== 'untitled' && tab.uri.path.endsWith('.py'))
    return tab.uri;
  const active = vscode.window.activeTextEditor?.document;
  const isScript =
    active?.languageId === 'python' && (isConductorScript(active.uri.path) || !active.isUntitled);
  return isScript ? active.uri : undefined;
}

/** Nothing at all is open, as far as is known here: what a person opened just now may be on its way. */
async function scriptThatComes(): Promise<vscode.Uri | undefined> {
  const { window } = vscode;
  if (window.tabGroups.activeTabGroup.activeTab !== undefined || window.activeTextEditor !== undefined)
    return undefined;
  const arrivals: vscode.Disposable[] = [];
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, TAB_ARRIVES_MS);
    const arrived = (): void => resolve();
    arrivals.push({ dispose: () => clearTimeout(timer) });
    arrivals.push(window.tabGroups.onDidChangeTabs(arrived), window.onDidChangeActiveTextEditor(arrived));
  });
  vscode.Disposable.from(...arrivals).dispose();
  return scriptInFront();
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
