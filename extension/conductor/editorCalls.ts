/**
 * Purpose: `host.editor` as Python calls it: positional arguments and keywords, checked, on an editor that need not
 * know of either.
 * Threads: JavaScript main thread.
 * Must not know: bridges, VS Code, terminals. Twin: `python/symphony_bridge/_terminal.py`.
 */

export type MessageLevel = 'info' | 'warning' | 'error';

/** An editor, or what stands in for one. */
export interface Editor {
  message(text: string, level: MessageLevel): void;
  /** @param fraction from 0 to 1; null when nobody knows how far it is. */
  progress(fraction: number | null, text: string): void;
  activeText(): string | null;
  /** Opens a file, or shows a text under the file's name. Not both are null. */
  open(path: string | null, text: string | null, language: string | null): void | Promise<void>;
  ask(question: string): Promise<boolean>;
}

/** What is exposed under the name `editor`. Functions throw TypeError or RangeError for what does not fit. */
export function editorCalls(editor: Editor) {
  return {
    message: (...args: unknown[]): null => {
      const { text, level } = named(args, ['text', 'level']);
      editor.message(asText('text', text), asLevel(level ?? 'info'));
      return null;
    },
    progress: (...args: unknown[]): null => {
      const { fraction, text } = named(args, ['fraction', 'text']);
      editor.progress(asFraction(fraction), asText('text', text ?? ''));
      return null;
    },
    active_text: (): string | null => editor.activeText(),
    open: async (...args: unknown[]): Promise<null> => {
      const { path, text, language } = named(args, ['path', 'text', 'language']);
      if ((path ?? text ?? null) === null) throw new TypeError('editor.open needs a path or a text');
      await editor.open(asOptional('path', path), asOptional('text', text), asOptional('language', language));
      return null;
    },
    ask: async (...args: unknown[]): Promise<boolean> =>
      await editor.ask(asText('question', named(args, ['question']).question)),
  };
}

/** Positional arguments and Python's keywords under their names. */
function named<Name extends string>(
  args: readonly unknown[],
  names: readonly Name[],
): Partial<Record<Name, unknown>> {
  const last = args.at(-1);
  // Python passes keywords as one object after the others; no parameter takes a dict, so an object can only be they.
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

function asText(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a str, got ${typeof value}`);
  return value;
}

/** null is Python's None. */
function asOptional(name: string, value: unknown): string | null {
  return value === null || value === undefined ? null : asText(name, value);
}

function asLevel(value: unknown): MessageLevel {
  if (value === 'info' || value === 'warning' || value === 'error') return value;
  throw new RangeError(`level must be 'info', 'warning' or 'error', got ${String(value)}`);
}

function asFraction(value: unknown): number | null {
  if (value === null || value === undefined) return null;
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new TypeError('fraction must be a number from 0 to 1, or None');
  return Math.min(1, Math.max(0, value));
}
