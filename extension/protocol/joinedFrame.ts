/**
 * A frame of a joined stack: the form in which errors, the wire and the panel know it.
 *
 * Imports nothing. Any thread.
 */

export type Language = 'typescript' | 'python' | 'rust';

/** One frame of a joined stack. Lists of frames run in call order: the outermost first. */
export interface JoinedFrame {
  language: Language;
  /** Function, method or Rust path; `<anonymous>` when there is no name. */
  function: string;
  /** Absolute path where one is known, else the path as the language gave it. */
  file: string;
  /** 1-based. */
  line: number;
  /** 1-based; only where the language reports it. */
  column?: number;
}
