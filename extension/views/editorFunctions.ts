/**
 * The editor's functions that scripts call as `host.editor.…`.
 *
 * Threads: extension host main thread. Must not know: the bridge's wire, how scripts run.
 */
import { basename, isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import { type Editor, editorCalls, type MessageLevel } from '../conductor/editorCalls';
import { workspaceRoot } from '../config';
import type { Log } from '../log';
import type { ResultDocuments } from './resultDocuments';

/** Where `editor.progress` shows. */
export interface ProgressSink {
  report(fraction: number | null, text: string): void;
}

export class EditorFunctions implements Editor {
  /** What is exposed under the name `editor`. */
  readonly exposed = editorCalls(this);
  private progressSink: ProgressSink | undefined;

  constructor(
    private readonly log: Log,
    private readonly results: ResultDocuments,
  ) {}

  /** Progress shows here until the end of the subscription, or until somebody else shows it. */
  showProgressIn(sink: ProgressSink): { dispose(): void } {
    this.progressSink = sink;
    const dispose = (): void => {
      if (this.progressSink === sink) this.progressSink = undefined;
    };
    return { dispose };
  }

  message(text: string, level: MessageLevel): void {
    const show = {
      info: vscode.window.showInformationMessage,
      warning: vscode.window.showWarningMessage,
      error: vscode.window.showErrorMessage,
    }[level];
    this.log.info(`message (${level}): ${text}`);
    // Not awaited: the script goes on whether or not somebody reads it.
    void show(text);
  }

  progress(fraction: number | null, text: string): void {
    this.progressSink?.report(fraction, text);
  }

  activeText(): string | null {
    return vscode.window.activeTextEditor?.document.getText() ?? null;
  }

  async open(path: string | null, text: string | null, language: string | null): Promise<void> {
    if (text !== null) {
      const kind = language ?? languageOf(path);
      await this.results.show(titleOf(path, text, kind), text, { language: kind, preview: false });
      return;
    }
    const document = await vscode.workspace.openTextDocument(vscode.Uri.file(inWorkspace(path ?? '')));
    await vscode.window.showTextDocument(document, { preview: false });
  }

  async ask(question: string): Promise<boolean> {
    // When Python gives the call up it is answered at once; the question stays, its answer goes nowhere.
    return (await vscode.window.showInformationMessage(question, 'Yes', 'No')) === 'Yes';
  }
}

function inWorkspace(path: string): string {
  const root = workspaceRoot();
  return isAbsolute(path) || root === undefined ? path : join(root, path);
}

/** The file's name, else the text's first words, as a heading says what the text is. */
function titleOf(path: string | null, text: string, language: string | undefined): string {
  if (path !== null) return basename(path);
  const [heading] = text.trimStart().split('\n', 1);
  const words = heading.replace(/[^\p{L}\p{N} ,.:'’()-]/gu, '').trim();
  return `${words.slice(0, 50) || 'text'}${language === 'markdown' ? '.md' : ''}`;
}

function languageOf(path: string | null): string | undefined {
  const suffix = path === null ? undefined : /\.(\w+)$/.exec(path)?.[1];
  return suffix === undefined ? undefined : { md: 'markdown', py: 'python', json: 'json' }[suffix];
}
