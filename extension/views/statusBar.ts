/**
 * The status bar item: what runs, in which host, with which Python; a click does the likely next thing.
 *
 * Threads: extension host main thread. Must not know: how scripts run.
 */
import * as vscode from 'vscode';
import type { HostInfo } from '../conductor/host';
import { COMMANDS, CONTEXTS, type CommandId, STATUS_ITEM } from '../ids';
import type { StateHolder, WorkbenchState } from '../workbench/state';

interface Face {
  readonly text: string;
  readonly command: CommandId;
  readonly action: string;
  readonly color?: vscode.ThemeColor;
}

export function createStatusBar(states: StateHolder): vscode.Disposable {
  const item = vscode.window.createStatusBarItem(STATUS_ITEM, vscode.StatusBarAlignment.Left, 10);
  item.name = 'Symphony Conductor';
  const watch = states.watch((state) => {
    const face = faceOf(state);
    item.text = face.text;
    item.command = face.command;
    item.backgroundColor = face.color;
    item.tooltip = tooltip(state, face.action);
    item.accessibilityInformation = { label: `Symphony Conductor: ${plain(face.text)}. ${face.action}` };
    const isRunning = state.kind === 'running' || state.kind === 'stopping';
    void vscode.commands.executeCommand('setContext', CONTEXTS.running, isRunning);
  });
  item.show();
  return vscode.Disposable.from(item, watch);
}

function faceOf(state: WorkbenchState): Face {
  switch (state.kind) {
    case 'idle':
      return {
        text: state.host?.fellBack ? '$(circuit-board) Conductor (subprocess)' : '$(circuit-board) Conductor',
        command: COMMANDS.showOutput,
        action: 'Click for the output',
      };
    case 'starting':
      return {
        text: '$(loading~spin) Starting Python',
        command: COMMANDS.showOutput,
        action: 'Click for the output',
      };
    case 'restarting':
      return {
        text: '$(loading~spin) Restarting Python',
        command: COMMANDS.showOutput,
        action: 'Click for the output',
      };
    case 'crashed':
      return {
        text: '$(error) Conductor crashed',
        command: COMMANDS.showCrashReport,
        action: 'Click for the crash report',
        color: new vscode.ThemeColor('statusBarItem.errorBackground'),
      };
    case 'given-up':
      return {
        text: '$(error) Conductor keeps crashing',
        command: COMMANDS.restartConductor,
        action: 'Click to start it again',
        color: new vscode.ThemeColor('statusBarItem.errorBackground'),
      };
    case 'running':
      return state.trouble === undefined
        ? { text: `$(sync~spin) ${state.script}`, command: COMMANDS.stop, action: 'Click to stop' }
        : {
            text: `$(warning) ${state.script} does not answer`,
            command: COMMANDS.stop,
            action: 'Click to stop',
            color: new vscode.ThemeColor('statusBarItem.warningBackground'),
          };
    case 'stopping':
      return {
        text: `$(sync~spin) Stopping ${state.script}`,
        command: COMMANDS.showOutput,
        action: 'Click for the output',
      };
    case 'abandoned':
      return {
        text: `$(warning) ${state.script} abandoned`,
        command: COMMANDS.showOutput,
        action: 'Click for the output',
        color: new vscode.ThemeColor('statusBarItem.warningBackground'),
      };
    case 'error':
      return {
        text: '$(error) Conductor',
        command: COMMANDS.showOutput,
        action: 'Click for the output',
        color: new vscode.ThemeColor('statusBarItem.errorBackground'),
      };
  }
}

function tooltip(state: WorkbenchState, action: string): vscode.MarkdownString {
  const lines = ['**Symphony Conductor**'];
  const host = 'host' in state ? state.host : undefined;
  if (host !== undefined) lines.push(describeHost(host));
  else if (state.kind === 'crashed' || state.kind === 'given-up') lines.push(escapeMarkdown(state.message));
  else if (state.kind !== 'restarting') lines.push('Python starts with the first run.');
  if (host?.fellBack) lines.push(`[Try Embedded Again](command:${COMMANDS.tryEmbeddedAgain})`);
  if (state.kind === 'given-up' || host?.fellBack)
    lines.push(`[Show Crash Report](command:${COMMANDS.showCrashReport})`);
  if (state.kind === 'abandoned')
    lines.push(`${escapeMarkdown(state.script)} could not be stopped, and may still be running.`);
  if (state.kind === 'running' && state.trouble !== undefined)
    lines.push(escapeMarkdown(`${state.trouble}.`));
  if (state.kind === 'error') lines.push(`Last error: ${escapeMarkdown(state.message)}`);
  lines.push(action);
  const text = new vscode.MarkdownString(lines.join('\n\n'));
  text.isTrusted = { enabledCommands: [COMMANDS.tryEmbeddedAgain, COMMANDS.showCrashReport] };
  return text;
}

function describeHost(host: HostInfo): string {
  return `Python ${host.version}, ${host.kind} host (process ${host.pid})\n\n${escapeMarkdown(host.executable)}\n\n${escapeMarkdown(host.reason)}`;
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>]/g, '\\$&');
}

/** A screen reader should not read the icon's name. */
function plain(text: string): string {
  return text.replace(/\$\([^)]*\)\s*/g, '');
}
