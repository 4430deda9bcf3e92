/**
 * Holds back the unfinished last line of a stream, so that stdout and stderr never mix inside a line.
 *
 * Must not know: VS Code, where the text goes.
 */

/** A script that prints without line ends may not make the buffer grow for ever. */
const MAX_HELD = 8192;

export class LineCutter {
  private held = '';

  /** @returns what may be written now: whole lines, or an overlong piece. */
  push(text: string): string {
    const all = this.held + text;
    const end = all.lastIndexOf('\n') + 1;
    const cut = all.length - end > MAX_HELD ? all.length : end;
    this.held = all.slice(cut);
    return all.slice(0, cut);
  }

  /** @returns the unfinished line, ended; empty when there is none. */
  flush(): string {
    const rest = this.held;
    this.held = '';
    return rest === '' ? '' : `${rest}\n`;
  }
}
