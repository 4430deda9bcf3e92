/**
 * Purpose: the text of a joined stack: what happened, what to do, the frames of all languages, causes.
 * Threads: any.
 * Must not know: payloads. The errors it is given may be anybody's: nothing they do ends it.
 */
import { formatFrames } from '../stack';
import type { BridgeError } from './classes';

/** Nobody reads further. */
const DEEPEST = 24;

/** The text for `stack`. An error is told where it comes first; one that leads to itself ends there. */
export function story(error: BridgeError): string {
  return tell(error, new Set());
}

function tell(error: BridgeError, open: Set<unknown>): string {
  open.add(error);
  const type = error.type === error.name ? '' : ` [${error.type}]`;
  const parts = [`${error.name}${type}: ${error.message}`];
  const excerpt = error.details?.excerpt;
  if (typeof excerpt === 'string') parts.push(excerpt);
  if (error.tellingHint) parts.push(`  hint: ${error.tellingHint}`);
  for (const note of error.notes) parts.push(`  note: ${note}`);
  if (error.frames.length > 0) parts.push(formatFrames(error.frames));
  const members: unknown = (error as { errors?: unknown }).errors;
  if (Array.isArray(members)) {
    members.forEach((member, index) => {
      parts.push(indented(`${index + 1} of ${members.length}: ${told(member, open)}`));
    });
  }
  const { cause } = error;
  if (cause !== undefined) parts.push(`caused by ${told(cause, open)}`);
  open.delete(error);
  return parts.join('\n');
}

function told(value: unknown, open: Set<unknown>): string {
  if (open.has(value)) return '[an error that is told above]';
  if (open.size > DEEPEST) return '[more errors than are told here]';
  if (isTold(value)) return tell(value, open);
  return value instanceof Error ? (value.stack ?? value.message) : printable(value);
}

/** Told by its fields, not by `instanceof`: the classes need this file before they exist. */
function isTold(value: unknown): value is BridgeError {
  const { frames, notes } = (value ?? {}) as Partial<BridgeError>;
  return value instanceof Error && Array.isArray(frames) && Array.isArray(notes);
}

/** A value as text, whatever it is. */
export function printable(value: unknown): string {
  try {
    return String(value);
  } catch {
    try {
      return Object.prototype.toString.call(value);
    } catch {
      return typeof value;
    }
  }
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ');
}
