/**
 * The only log channel: what scripts print, what the workbench does, joined stacks of errors.
 *
 * A plain channel, not VS Code's log channel: that one puts time and level before what a script prints.
 *
 * Threads: extension host main thread. Must not know: who logs.
 */
import * as vscode from 'vscode';
import { OUTPUT_CHANNEL } from './ids';
import { LineCutter } from './outputLines';

type Level = 'info' | 'warning' | 'error';

export class Log implements vscode.Disposable {
  private readonly channel = vscode.window.createOutputChannel(OUTPUT_CHANNEL);
  private readonly lines = { stdout: new LineCutter(), stderr: new LineCutter() };

  info(message: string): void {
    this.write('info', message);
  }

  warn(message: string): void {
    this.write('warning', message);
  }

  /** @param error its stack is written whole; its `file:line` parts are links. */
  error(message: string, error?: unknown): void {
    this.write('error', error === undefined ? message : `${message}\n${describe(error)}`);
  }

  /** What a script printed, as it printed it. */
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

  private write(level: Level, message: string): void {
    const time = new Date().toTimeString().slice(0, 8);
    this.channel.appendLine(`[${time} ${level}] ${message.trimEnd()}`);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
