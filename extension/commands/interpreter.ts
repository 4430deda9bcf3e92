/**
 * Select Python Interpreter: every candidate of this machine with why it fits or not, or a path that is typed in.
 *
 * Threads: extension host main thread. Must not know: how interpreters are probed.
 */
import * as vscode from 'vscode';
import { embeddedPython } from '../conductor/embeddedPython';
import { type Candidate, listInterpreters } from '../conductor/interpreter';
import { type InterpreterFacts, isSamePython, probeInterpreter } from '../conductor/probe';
import { readConfig, workspaceRoot, writePython } from '../config';
import { pythonExtensionChoice } from '../workbench/pythonExtension';
import type { Workbench } from '../workbench/workbench';
import { trusted } from './scripts';

interface Item extends vscode.QuickPickItem {
  choose?(): Promise<string | undefined>;
}

/** @param given a path from another command or a test; without it the user picks. */
export async function selectInterpreterCommand(workbench: Workbench, given?: unknown): Promise<void> {
  if (!trusted('Trying interpreters')) return;
  const path = typeof given === 'string' ? given : await pick(workbench);
  if (path === undefined) return;
  try {
    const facts = path === '' ? undefined : await probeInterpreter(path);
    await writePython(path);
    tellOfChoice(workbench, facts);
  } catch (error) {
    workbench.failures.show('The interpreter was not changed', error);
  }
}

function tellOfChoice(workbench: Workbench, facts: InterpreterFacts | undefined): void {
  const chosen =
    facts === undefined ? 'The interpreter is chosen automatically' : `Python ${facts.version} is chosen`;
  const here = embeddedPython();
  if (facts === undefined || here === null || isSamePython(here, facts)) {
    void vscode.window.showInformationMessage(`${chosen}; the next run uses it.`);
    return;
  }
  const stays = `this window keeps Python ${here.version} in its process until it is reloaded`;
  const isForced = readConfig().host === 'embedded';
  const now = isForced ? 'The next run needs a reload, or a subprocess.' : 'The next run uses a subprocess.';
  const remedies = new Map<string, () => unknown>([
    ['Reload Window', () => vscode.commands.executeCommand('workbench.action.reloadWindow')],
  ]);
  if (isForced) remedies.set('Use a Subprocess', () => workbench.useSubprocess());
  vscode.window.showInformationMessage(`${chosen}; ${stays}. ${now}`, ...remedies.keys()).then(
    (pressed) => remedies.get(pressed ?? '')?.(),
    () => undefined,
  );
}

async function pick(workbench: Workbench): Promise<string | undefined> {
  const items = collectItems(workbench);
  const picked = await vscode.window.showQuickPick<Item>(items, {
    placeHolder: 'Python that runs Conductor scripts',
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return await picked?.choose?.();
}

async function collectItems(workbench: Workbench): Promise<Item[]> {
  const candidates = await listInterpreters({
    pythonExtension: pythonExtensionChoice,
    workspace: workspaceRoot(),
    root: workbench.root,
  });
  const current = readConfig().python;
  return [
    { label: '$(edit) Enter path…', alwaysShow: true, choose: enterPath },
    {
      label: '$(sparkle) Choose automatically',
      description: current === undefined ? 'current' : '',
      choose: async () => '',
    },
    { label: 'Found on this machine', kind: vscode.QuickPickItemKind.Separator },
    ...candidates.filter(({ taken }) => taken).map((candidate) => usable(candidate, current)),
    { label: 'Cannot be used', kind: vscode.QuickPickItemKind.Separator },
    ...candidates.filter(({ taken }) => !taken).map(unusable),
  ];
}

function usable({ path, source, reason }: Candidate, current: string | undefined): Item {
  return {
    label: `$(symbol-class) ${reason}`,
    description: path === current ? `${path} (current)` : path,
    detail: source,
    choose: async () => path,
  };
}

/** Choosing one of these tells the whole reason. */
function unusable({ path, source, reason }: Candidate): Item {
  return { label: `$(circle-slash) ${path}`, description: source, detail: reason, choose: async () => path };
}

async function enterPath(): Promise<string | undefined> {
  // Looked at only when it is entered: a probe runs the program, and half a path may name another one.
  const path = await vscode.window.showInputBox({
    prompt: 'Path of a Python interpreter, 3.8 or newer',
    placeHolder: '/usr/bin/python3',
    ignoreFocusOut: true,
    validateInput: (typed) =>
      typed.trim() === '' ? 'A path is needed, for instance /usr/bin/python3.' : undefined,
  });
  return path?.trim();
}
