/**
 * Durations as people read them: one form for the panel and the terminal.
 *
 * Imports nothing. Any thread.
 */

/** Nanoseconds per unit, the largest first. */
export const TIME_UNITS: readonly [number, string][] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
];

/** A duration with three significant digits: `412 ns`, `8.13 µs`, `1.20 s`, `2 min 05 s`. */
export function formatDuration(ns: number): string {
  if (!Number.isFinite(ns)) return '–';
  const size = Math.abs(ns);
  if (size < 999.5) return `${Math.round(ns)} ns`;
  if (size >= 99.95e9) {
    const seconds = Math.round(ns / 1e9);
    return `${Math.trunc(seconds / 60)} min ${String(Math.abs(seconds % 60)).padStart(2, '0')} s`;
  }
  // Rounding may carry into the next unit: 999.7 µs is 1.00 ms.
  const [scale, unit] = TIME_UNITS.find(([scale]) => size >= scale * 0.9995) ?? TIME_UNITS[2];
  const value = ns / scale;
  const digits = Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${unit}`;
}
