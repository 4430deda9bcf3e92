/**
 * The only log channel: what scripts print, what the workbench does, joined stacks of errors.
 *
 * Threads: extension host main thread. Must not know: who logs.
 */
import * as vscode from 'vscode';
import { OUTPUT_CHANNEL } from './ids';
import { LineCutter } from './outputLines';

export class Log implements vscode.Disposable {
  private readonly channel = vscode.window.createOutputChannel(OUTPUT_CHANNEL, { log: true });
  private readonly lines = { stdout: new LineCutter(), stderr: new LineCutter() };

  info(message: string): void {
    this.channel.info(message);
  }

  warn(message: string): void {
    this.channel.warn(message);
  }

  /** @param error its stack is written whole; VS Code makes its `file:line` parts clickable. */
  error(message: string, error?: unknown): void {
    this.channel.error(error === undefined ? message : `${message}\n${describe(error)}`);
  }

  /** What a script printed, as plain lines without time and level. */
  print(stream: 'stdout' | 'stderr', text: string): void {
    const ready = this.lines[stream].push(text);
    if (ready !== '') this.channel.append(ready);
  }

  /** Ends unfinished lines; call when a script has ended. */
  endPrint(): void {
    for (const cutter of Object.values(this.lines)) {
      const rest = cutter.flush();
      if (rest !== '') this.channel.append(rest);
    }
  }

  show(): void {
    this.channel.show(true);
  }

  dispose(): void {
    this.channel.dispose();
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
