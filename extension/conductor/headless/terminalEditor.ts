/**
 * Purpose: the editor's functions for scripts that run without an editor: a terminal answers.
 * Threads: JavaScript main thread.
 * Must not know: bridges, VS Code.
 */
import { createInterface } from 'node:readline/promises';
import { currentCall } from '../../bridge/scope';
import type { Editor, MessageLevel } from '../editorCalls';

/** Where the answers go to and come from. */
export interface Terminal {
  write(text: string): void;
  input: NodeJS.ReadStream;
}

/** The editor that a terminal is; `editorCalls` makes what is exposed of it. */
export class TerminalEditor implements Editor {
  private lastProgress = '';

  constructor(private readonly terminal: Terminal) {}

  message(text: string, level: MessageLevel): void {
    this.terminal.write(`[${level}] ${text}\n`);
  }

  progress(fraction: number | null, text: string): void {
    const share = fraction === null ? '  … ' : `${Math.round(fraction * 100)}%`.padStart(4);
    const line = `[${share}] ${text}`;
    // A loop reports far more often than a percentage changes.
    if (line === this.lastProgress) return;
    this.lastProgress = line;
    this.terminal.write(`${line}\n`);
  }

  activeText(): null {
    return null;
  }

  open(path: string | null, text: string | null): void {
    this.terminal.write(text === null ? `[open] ${path}\n` : `${text}${text.endsWith('\n') ? '' : '\n'}`);
  }

  async ask(question: string): Promise<boolean> {
    const { input } = this.terminal;
    if (!input.isTTY) {
      this.terminal.write(`[ask] ${question} no (there is no terminal to answer)\n`);
      return false;
    }
    const lines = createInterface({ input, output: process.stdout });
    try {
      const signal = currentCall()?.signal;
      const answer = await lines.question(`[ask] ${question} [y/N] `, signal ? { signal } : {});
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      lines.close();
    }
  }
}
