/**
 * Entries of the string table: `name`, `caller site`, `callee site`, parted by a control character.
 *
 * Must not know: where the entries are kept.
 */
import { PART_SEPARATOR } from './layout';
import type { CallName, SourceSite } from './model';

export function parseName(text: string): CallName {
  const [name, caller = '', callee = ''] = text.split(PART_SEPARATOR);
  return { name, caller: parseSite(caller), callee: parseSite(callee) };
}

/** A handle's entry: its third part is the kind. */
export function parseHandleName(text: string): { name: string; site: SourceSite | null; kind: string } {
  const [name, site = '', kind = ''] = text.split(PART_SEPARATOR);
  return { name, site: parseSite(site), kind };
}

/** Reads `"file:line"`; the file may hold colons. null when there is no line. */
export function parseSite(text: string): SourceSite | null {
  const colon = text.lastIndexOf(':');
  const line = Number(text.slice(colon + 1));
  return colon > 0 && Number.isInteger(line) && line > 0 ? { file: text.slice(0, colon), line } : null;
}
