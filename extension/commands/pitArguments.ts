/**
 * Arguments of Pit operations as people type them: JSON, or plain text where a text is wanted.
 *
 * Must not know: VS Code, the operations. Twin: `python/symphony_bridge/_operations.py` describes the parameters.
 */

export interface Parameter {
  readonly name: string;
  /** Python's annotation, for people. */
  readonly type: string;
  /** JSON types that fit; empty when anything may. */
  readonly accepts: readonly JsonType[];
  readonly required: boolean;
  /** Python's text of the default; null when there is none. */
  readonly default: string | null;
}

export type JsonType = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'null';

export interface Operation {
  readonly name: string;
  readonly component: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
}

export type ParsedArgument =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'omitted' }
  | { readonly kind: 'error'; readonly message: string };

/** Empty leaves an optional parameter out; quotes around a text are optional where only a text fits. */
export function parseArgument(parameter: Parameter, text: string): ParsedArgument {
  const { accepts, name, required } = parameter;
  if (text.trim() === '') {
    return required
      ? { kind: 'error', message: `${name} is required: ${typeHint(parameter)}` }
      : { kind: 'omitted' };
  }
  const parsed = parseJson(text);
  const fits = (type: JsonType): boolean => accepts.length === 0 || accepts.includes(type);
  if (parsed !== undefined && fits(jsonType(parsed.value))) return { kind: 'value', value: parsed.value };
  // `1.0` as a version or `true` as a name: where text is wanted, what was typed is the text.
  if (fits('string')) {
    const looksLikeJson = /^\s*["[{]/.test(text);
    if (parsed === undefined && looksLikeJson)
      return { kind: 'error', message: `not valid JSON: ${jsonProblem(text)}` };
    return { kind: 'value', value: text };
  }
  if (parsed === undefined) return { kind: 'error', message: `not valid JSON: ${jsonProblem(text)}` };
  return {
    kind: 'error',
    message: `${name} takes ${accepts.join(' or ')}, this is ${jsonType(parsed.value)}`,
  };
}

/** An example of what may be typed. */
export function typeHint({ accepts }: Parameter): string {
  const examples: Record<JsonType, string> = {
    string: 'text',
    number: '10',
    boolean: 'true',
    object: '{"key": "value"}',
    array: '["one", "two"]',
    null: 'null',
  };
  const shown = accepts.filter((type) => type !== 'null').map((type) => examples[type]);
  return shown.length === 0 ? 'JSON' : shown.join(' or ');
}

function jsonType(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as JsonType;
}

function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function jsonProblem(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}
