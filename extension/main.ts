/**
 * Entry of the extension: composes, decides nothing. Nothing native is loaded and no Python runs here; both start
 * with the first use.
 */
import type * as vscode from 'vscode';
import { type WorkbenchApi, workbenchApi } from './api';
import { registerCommands } from './commands';
import { registerDebugConfigurations } from './debug/configuration';
import { registerCodeLenses } from './views/codeLens';
import { Workbench } from './workbench/workbench';

let workbench: Workbench | undefined;

export function activate(context: vscode.ExtensionContext): WorkbenchApi {
  const began = performance.now();
  const before = process.cpuUsage();
  workbench = new Workbench(context);
  context.subscriptions.push(
    workbench,
    registerCommands(workbench),
    registerCodeLenses(),
    registerDebugConfigurations(),
  );
  // What crashed before is told, but not at the cost of the start.
  setImmediate(() => workbench?.lookBack());
  const { user, system } = process.cpuUsage(before);
  return workbenchApi(workbench, { wallMs: performance.now() - began, cpuMs: (user + system) / 1000 });
}

export async function deactivate(): Promise<void> {
  await workbench?.close();
  workbench = undefined;
}
