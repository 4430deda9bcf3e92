/**
 * The editor's functions that scripts call as `host.editor.…`.
 *
 * Threads: extension host main thread. Must not know: the bridge's wire, how scripts run.
 */
import { basename, isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import { workspaceRoot } from '../config';
import type { Log } from '../log';
import type { ResultDocuments } from './resultDocuments';

/** Where `editor.progress` shows. */
export interface ProgressSink {
  report(fraction: number | null, text: string): void;
}

type Level = 'info' | 'warning' | 'error';

export class EditorFunctions {
  private progressSink: ProgressSink | undefined;

  constructor(
    private readonly log: Log,
    private readonly results: ResultDocuments,
  ) {}

  /**
   * What is exposed under the name `editor`. Python passes keywords as one object after the other arguments;
   * null is its None.
   */
  readonly exposed = {
    message: (...args: unknown[]): null => {
      const { text, level } = named(args, ['text', 'level']);
      this.message(asText('text', text), asLevel(level ?? 'info'));
      return null;
    },
    progress: (...args: unknown[]): null => {
      const { fraction, text } = named(args, ['fraction', 'text']);
      this.progress(asFraction(fraction), asText('text', text ?? ''));
      return null;
    },
    active_text: (): string | null => vscode.window.activeTextEditor?.document.getText() ?? null,
    open: async (...args: unknown[]): Promise<null> => {
      const { path, text, language } = named(args, ['path', 'text', 'language']);
      await this.open(asOptional('path', path), asOptional('text', text), asOptional('language', language));
      return null;
    },
    ask: async (...args: unknown[]): Promise<boolean> =>
      await this.ask(asText('question', named(args, ['question']).question)),
  };

  /** Progress shows here until the end of the subscription, or until somebody else shows it. */
  showProgressIn(sink: ProgressSink): { dispose(): void } {
    this.progressSink = sink;
    const dispose = (): void => {
      if (this.progressSink === sink) this.progressSink = undefined;
    };
    return { dispose };
  }

  private message(text: string, level: Level): void {
    const show = {
      info: vscode.window.showInformationMessage,
      warning: vscode.window.showWarningMessage,
      error: vscode.window.showErrorMessage,
    }[level];
    this.log.info(`message (${level}): ${text}`);
    // Not awaited: the script goes on whether or not somebody reads it.
    void show(text);
  }

  private progress(fraction: number | null, text: string): void {
    this.progressSink?.report(fraction, text);
  }

  private async open(path: string | null, text: string | null, language: string | null): Promise<void> {
    if (path === null && text === null) throw new TypeError('editor.open needs a path or a text');
    if (text !== null) {
      const kind = language ?? languageOf(path);
      await this.results.show(titleOf(path, text, kind), text, { language: kind, preview: false });
      return;
    }
    const document = await vscode.workspace.openTextDocument(vscode.Uri.file(inWorkspace(path ?? '')));
    await vscode.window.showTextDocument(document, { preview: false });
  }

  private async ask(question: string): Promise<boolean> {
    // When Python gives the call up it is answered at once; the question stays, its answer goes nowhere.
    return (await vscode.window.showInformationMessage(question, 'Yes', 'No')) === 'Yes';
  }
}

/** Positional arguments and Python's keywords under their names. */
function named<Name extends string>(
  args: readonly unknown[],
  names: readonly Name[],
): Partial<Record<Name, unknown>> {
  const last = args.at(-1);
  // No parameter of ours takes a dict, so an object can only be the keywords.
  const hasKeywords = typeof last === 'object' && last !== null;
  const positional = hasKeywords ? args.slice(0, -1) : args;
  const keywords = (hasKeywords ? last : {}) as Record<string, unknown>;
  const unknown = Object.keys(keywords).filter((name) => !names.includes(name as Name));
  if (positional.length > names.length || unknown.length > 0) {
    throw new TypeError(
      `takes ${names.join(', ')}; got ${positional.length} values and ${unknown.join(', ') || 'no other names'}`,
    );
  }
  return Object.fromEntries(
    names.map((name, index) => [name, positional[index] ?? keywords[name]]),
  ) as Partial<Record<Name, unknown>>;
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

function asText(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a str, got ${typeof value}`);
  return value;
}

function asOptional(name: string, value: unknown): string | null {
  return value === null || value === undefined ? null : asText(name, value);
}

function asLevel(value: unknown): Level {
  if (value === 'info' || value === 'warning' || value === 'error') return value;
  throw new RangeError(`level must be 'info', 'warning' or 'error', got ${String(value)}`);
}

function asFraction(value: unknown): number | null {
  if (value === null || value === undefined) return null;
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new TypeError('fraction must be a number from 0 to 1, or None');
  return Math.min(1, Math.max(0, value));
}
