/**
 * Debug configurations: F5 on a Conductor script works without a launch.json.
 *
 * Threads: extension host main thread. Must not know: how debugging works.
 */
import { basename, isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import { DEBUG_TYPE, SCRIPT_GLOB } from '../ids';

type Configuration = vscode.DebugConfiguration;

export function registerDebugConfigurations(): vscode.Disposable {
  const { Initial, Dynamic } = vscode.DebugConfigurationProviderTriggerKind;
  return vscode.Disposable.from(
    vscode.debug.registerDebugConfigurationProvider(
      DEBUG_TYPE,
      {
        provideDebugConfigurations: initial,
        resolveDebugConfiguration: complete,
        resolveDebugConfigurationWithSubstitutedVariables: check,
      },
      Initial,
    ),
    vscode.debug.registerDebugConfigurationProvider(
      DEBUG_TYPE,
      { provideDebugConfigurations: dynamic },
      Dynamic,
    ),
  );
}

/** The configuration that debugs one script. */
export function launchOf(script: vscode.Uri): Configuration {
  return {
    type: DEBUG_TYPE,
    request: 'launch',
    name: `Conductor: ${basename(script.fsPath)}`,
    program: script.fsPath,
  };
}

function initial(): Configuration[] {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code's variable, written into launch.json as it is
  return [{ type: DEBUG_TYPE, request: 'launch', name: 'Conductor: current script', program: '${file}' }];
}

/** One entry for each script of the workspace, in the list that the debug view offers. */
async function dynamic(folder: vscode.WorkspaceFolder | undefined): Promise<Configuration[]> {
  const pattern = folder === undefined ? SCRIPT_GLOB : new vscode.RelativePattern(folder, SCRIPT_GLOB);
  const scripts = await vscode.workspace.findFiles(pattern, '**/{node_modules,.venv}/**', 50);
  return scripts.map(launchOf).sort((a, b) => a.name.localeCompare(b.name));
}

/** F5 without a launch.json arrives as an empty configuration. */
function complete(
  folder: vscode.WorkspaceFolder | undefined,
  config: Configuration,
): Configuration | undefined {
  const active = vscode.window.activeTextEditor?.document;
  if (!config.type && !config.request && !config.name) {
    if (active?.languageId !== 'python') {
      void vscode.window.showInformationMessage(
        'Open the Conductor script (a Python file) that should be debugged, then start again.',
      );
      return undefined;
    }
    return { ...launchOf(active.uri), cwd: folder?.uri.fsPath };
  }
  return { ...config, program: config.program ?? active?.uri.fsPath, cwd: config.cwd ?? folder?.uri.fsPath };
}

async function check(
  folder: vscode.WorkspaceFolder | undefined,
  config: Configuration,
): Promise<Configuration | undefined> {
  if (!vscode.workspace.isTrusted) {
    void vscode.window.showWarningMessage(
      'Debugging runs code of this workspace: trust the workspace first.',
    );
    return undefined;
  }
  const program = absolute(String(config.program ?? ''), folder);
  try {
    const { type } = await vscode.workspace.fs.stat(vscode.Uri.file(program));
    if ((type & vscode.FileType.File) === 0) throw new Error('not a file');
  } catch {
    void vscode.window.showErrorMessage(
      `The script ${config.program || '(none)'} of the debug configuration "${config.name}" does not exist: correct its "program".`,
    );
    return undefined;
  }
  // What is debugged is what is on disk.
  await vscode.workspace.textDocuments
    .find((document) => document.uri.fsPath === program && document.isDirty)
    ?.save();
  return { ...config, program };
}

function absolute(path: string, folder: vscode.WorkspaceFolder | undefined): string {
  return isAbsolute(path) || folder === undefined ? path : join(folder.uri.fsPath, path);
}
