/**
 * The only reader and writer of settings.
 *
 * Threads: extension host main thread. Must not know: what the settings are used for.
 */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import type { HostChoice } from './conductor/host';
import type { RunLimits } from './conductor/runLimits';
import { SETTINGS, type SettingId } from './ids';

/** The settings as they stand now; empty ones are undefined, paths are absolute. */
export interface Config {
  readonly host: HostChoice;
  readonly python: string | undefined;
  readonly traceFile: string | undefined;
  readonly pitHome: string | undefined;
  readonly limits: RunLimits;
}

export function readConfig(): Config {
  return {
    host: read<HostChoice>(SETTINGS.host) ?? 'auto',
    python: interpreter(read<string>(SETTINGS.python)),
    traceFile: path(read<string>(SETTINGS.traceFile)),
    pitHome: path(read<string>(SETTINGS.pitHome)),
    limits: {
      seconds: limit(SETTINGS.timeLimit),
      mebibytes: limit(SETTINGS.memoryLimit),
    },
  };
}

/** Writes the interpreter: to the workspace when there is one, so that each project keeps its own. */
export async function writePython(executable: string): Promise<void> {
  const target =
    vscode.workspace.workspaceFolders === undefined
      ? vscode.ConfigurationTarget.Global
      : vscode.ConfigurationTarget.Workspace;
  await vscode.workspace.getConfiguration().update(SETTINGS.python, executable, target);
}

/** Tells when one of ours changes. */
export function onConfigChange(listener: (changed: readonly SettingId[]) => void): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((event) => {
    const changed = Object.values(SETTINGS).filter((id) => event.affectsConfiguration(id));
    if (changed.length > 0) listener(changed);
  });
}

/** The folder that relative paths of settings and of scripts start from. */
export function workspaceRoot(): string | undefined {
  return vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
}

function read<T>(id: SettingId): T | undefined {
  const value = vscode.workspace.getConfiguration().get<T>(id);
  return typeof value === 'string' && value.trim() === '' ? undefined : value;
}

/** 0 means none, and so does what no schema would allow. */
function limit(id: SettingId): number | undefined {
  const value = read<unknown>(id);
  return typeof value === 'number' && value > 0 ? value : undefined;
}

/** A bare name such as `python3.12` is looked up on PATH later; only paths are resolved here. */
function interpreter(value: string | undefined): string | undefined {
  return value === undefined || !/[\\/~$]/.test(value) ? value : path(value);
}

function path(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const root = workspaceRoot();
  const expanded = value
    .trim()
    .replace(/^~(?=$|[\\/])/, homedir())
    .replace(/\$\{workspaceFolder\}/g, root ?? '')
    .replace(/\$\{env:(\w+)\}/g, (_, name: string) => process.env[name] ?? '');
  return isAbsolute(expanded) || root === undefined ? expanded : join(root, expanded);
}
