/** What the in-host tests share: the extension, its scripts, and what it says to the user. */
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { WorkbenchApi } from '../../extension/api';
import { COMMANDS, SETTINGS, type SettingId } from '../../extension/ids';
import type { RunRecord } from '../../extension/workbench/runs';

export const EXTENSION_ID = 'symphony.symphony-conductor-workbench';

export function extension(): vscode.Extension<WorkbenchApi> {
  const found = vscode.extensions.getExtension<WorkbenchApi>(EXTENSION_ID);
  assert.ok(found, 'the extension is installed');
  return found;
}

export async function api(): Promise<WorkbenchApi> {
  return await extension().activate();
}

export function script(name: string): vscode.Uri {
  return vscode.Uri.file(
    join(extension().extensionPath, 'test', 'fixtures', 'scripts', `${name}.conductor.py`),
  );
}

export async function run(target: vscode.Uri, args: readonly string[] = []): Promise<RunRecord | undefined> {
  return await vscode.commands.executeCommand<RunRecord | undefined>(COMMANDS.runScript, target, args);
}

export async function setting(id: SettingId, value: string | undefined): Promise<void> {
  await vscode.workspace.getConfiguration().update(id, value, vscode.ConfigurationTarget.Global);
}

/** Back to the defaults, in both places where a test may have written. */
export async function resetSettings(): Promise<void> {
  for (const id of Object.values(SETTINGS)) {
    const { globalValue, workspaceValue } = vscode.workspace.getConfiguration().inspect(id) ?? {};
    const config = vscode.workspace.getConfiguration();
    if (globalValue !== undefined) await config.update(id, undefined, vscode.ConfigurationTarget.Global);
    if (workspaceValue !== undefined)
      await config.update(id, undefined, vscode.ConfigurationTarget.Workspace);
  }
}

type Level = 'showInformationMessage' | 'showWarningMessage' | 'showErrorMessage';

/** Takes the place of the notifications: records them, and presses the button a test wants pressed. */
export class Notifications {
  readonly shown: { level: Level; text: string; buttons: string[] }[] = [];
  private readonly originals = new Map<Level, unknown>();
  press: string | undefined;

  start(): void {
    const { window } = vscode as { window: Record<string, unknown> };
    for (const level of ['showInformationMessage', 'showWarningMessage', 'showErrorMessage'] as const) {
      this.originals.set(level, window[level]);
      window[level] = async (text: string, ...buttons: unknown[]) => {
        const titles = buttons.filter((button) => typeof button === 'string');
        this.shown.push({ level, text, buttons: titles });
        return titles.find((title) => title === this.press);
      };
    }
  }

  stop(): void {
    const { window } = vscode as { window: Record<string, unknown> };
    for (const [level, original] of this.originals) window[level] = original;
    this.shown.length = 0;
    this.press = undefined;
  }

  /** The one notification whose text matches. */
  find(pattern: RegExp): { level: Level; text: string; buttons: string[] } {
    const found = this.shown.filter(({ text }) => pattern.test(text));
    assert.equal(
      found.length,
      1,
      `one notification like ${pattern}; shown: ${JSON.stringify(this.shown, null, 1)}`,
    );
    return found[0];
  }
}

/** Waits until `check` gives something; fails with `what` after `ms`. */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false,
  ms = 20_000,
): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = check();
    if (value !== undefined && value !== false) return value;
    assert.ok(Date.now() < deadline, `${what} within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
