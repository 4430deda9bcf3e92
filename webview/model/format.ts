/**
 * Numbers and places as people read them.
 *
 * Must not know: the DOM.
 */
import { TIME_UNITS } from '../../extension/protocol/duration';
import type { SourceSite } from '../../extension/protocol/trace/model';

/** Short names of `LANGUAGES`, by index. */
export const SHORT_LANGUAGES = ['?', 'TS', 'Py', 'Rs'] as const;
/** Full names of `LANGUAGES`, by index. */
export const FULL_LANGUAGES = ['Unknown', 'TypeScript', 'Python', 'Rust'] as const;

/** A point in time, as precise as `step` (the distance of neighbouring ones) needs: `1.2345 ms`. */
export function formatTime(ns: number, step: number): string {
  return ns === 0 ? '0' : formatTimeIn(ns, ns, step);
}

/** A point in time in the unit that suits `whole`, so that times of a column align: `0.2268 ms` of 11 ms. */
export function formatTimeIn(ns: number, whole: number, step: number): string {
  const [scale, unit] = TIME_UNITS.find(([scale]) => Math.abs(whole) >= scale) ?? [1, 'ns'];
  const digits = Math.max(0, Math.min(9, -Math.floor(Math.log10(step / scale) + 1e-9)));
  return `${(ns / scale).toFixed(scale === 1 ? 0 : digits)} ${unit}`;
}

/** `12,345` */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 error`, `2 errors` */
export function plural(count: number, word: string): string {
  return `${formatCount(count)} ${word}${count === 1 ? '' : 's'}`;
}

/** `tour.conductor.py:31`; the folder is left to the tooltip. */
export function formatSite(site: SourceSite): string {
  return `${site.file.slice(site.file.lastIndexOf('/') + 1)}:${site.line}`;
}

/** `TS → Py` */
export function formatDirection(from: number, to: number): string {
  return `${SHORT_LANGUAGES[from]} → ${SHORT_LANGUAGES[to]}`;
}
