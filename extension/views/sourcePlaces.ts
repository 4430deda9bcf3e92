/**
 * Finds `file:line` in text such as a joined stack.
 *
 * Must not know: VS Code, whether the files exist.
 */

export interface SourcePlace {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** Offsets in the text. */
  readonly start: number;
  readonly end: number;
}

/** Output may be megabytes; only its end is looked at, where the newest error is. */
const MAX_TEXT = 256 * 1024;

/** `path:line`, or Python's own `File "path", line N`. */
const PLACE = /File "([^"\n]+)", line (\d+)|((?:\/|\b[\w.-]+\/)[^\s:"'()<>]*\.\w+):(\d+)/g;

export function findSourcePlaces(text: string): SourcePlace[] {
  const offset = Math.max(0, text.length - MAX_TEXT);
  const places: SourcePlace[] = [];
  for (const match of text.slice(offset).matchAll(PLACE)) {
    const start = offset + match.index;
    places.push({
      file: match[1] ?? match[3],
      line: Number(match[2] ?? match[4]),
      start,
      end: start + match[0].length,
    });
  }
  return places;
}
