/** The benchmark's table, for people. */
import type { Result } from './result';

const HEAD = ['case', 'ours', 'unit', 'peers', 'ours / peer', 'bar', ''];
const RIGHT = new Set([1]);

/** Renders rows as aligned text. */
export function table(results: readonly Result[]): string {
  const rows = [HEAD, ...results.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        RIGHT.has(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
      )
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '─'.repeat(width)).join('  '));
  return lines.join('\n');
}

function cells(row: Result): string[] {
  return [row.case, String(row.ours), row.unit, pairs(row.peers), pairs(row.ratio), row.bar ?? '', mark(row)];
}

/** A bar without its peer is neither kept nor broken. */
function mark({ bar, ok }: Result): string {
  if (bar === null) return '';
  if (!ok) return '✗';
  return bar.split(' and ').every((part) => part.endsWith('(not compared)')) ? '–' : '✓';
}

function pairs(values: Record<string, number>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
