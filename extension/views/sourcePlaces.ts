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

/** `path:line`, or Python's own `File "path", line N`. */
const PLACE = /File "([^"\n]+)", line (\d+)|((?:\/|\b[\w.-]+\/)[^\s:"'()<>]*\.\w+):(\d+)/g;

export function findSourcePlaces(text: string): SourcePlace[] {
  const places: SourcePlace[] = [];
  for (const match of text.matchAll(PLACE)) {
    const start = match.index;
    places.push({
      file: match[1] ?? match[3],
      line: Number(match[2] ?? match[4]),
      start,
      end: start + match[0].length,
    });
  }
  return places;
}
