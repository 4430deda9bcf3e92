// `npm run accept`: runs one command per criterion, for real, and writes docs/acceptance.md from what they printed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { rows } from './criteria';
import type { Figure, Row } from './row';

const root = resolve(__dirname, '..', '..');
const shownLines = 12;
/** The longest row builds all native code for the sanitizers first: seven minutes on two cores. */
const timeout = 30 * 60_000;

interface Outcome {
  row: Row;
  figure: Figure;
  seconds: number;
  printed: string;
}

function main(): void {
  const wanted = process.argv.slice(2);
  const chosen = rows.filter((row) => wanted.length === 0 || wanted.some((word) => row.id.startsWith(word)));
  const outcomes = chosen.map(perform);
  if (wanted.length === 0) {
    mkdirSync(join(root, 'docs'), { recursive: true });
    writeFileSync(join(root, 'docs', 'acceptance.md'), page(outcomes));
  }
  const held = outcomes.filter(({ figure }) => figure.holds).length;
  console.log(
    `\n${held} of ${outcomes.length} criteria hold${wanted.length === 0 ? '; docs/acceptance.md is written' : ''}`,
  );
  process.exitCode = held === outcomes.length ? 0 : 1;
}

function perform(row: Row): Outcome {
  const began = performance.now();
  const child = spawnSync('bash', ['-c', row.command], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    timeout,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
  });
  const printed = `${child.stdout}${child.stderr}`;
  const figure =
    child.status === 0
      ? read(row, printed)
      : { text: `ended with ${child.status ?? child.signal}`, holds: false };
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${figure.holds ? '✓' : '✗'} ${row.id.padEnd(14)} ${figure.text}  (limit: ${row.limit}; ${seconds.toFixed(1)} s)`,
  );
  return { row, figure, seconds, printed };
}

function read(row: Row, printed: string): Figure {
  try {
    return row.figure(printed);
  } catch (error) {
    return { text: `unreadable: ${error instanceof Error ? error.message : error}`, holds: false };
  }
}

function page(outcomes: Outcome[]): string {
  const table = outcomes.map(
    ({ row, figure }) =>
      `| ${row.id} | ${row.criterion} | ${figure.text} | ${row.limit} | ${figure.holds ? 'holds' : '**fails**'} |`,
  );
  return [
    '# Acceptance',
    '',
    `Written by \`npm run accept\`: every command was run, every figure is from its output. ${machine()}`,
    '',
    '| id | criterion | measured | limit | |',
    '| --- | --- | --- | --- | --- |',
    ...table,
    '',
    ...outcomes.flatMap(section),
  ].join('\n');
}

function section({ row, figure, seconds, printed }: Outcome): string[] {
  const lines = printed.replaceAll(root, '.').trimEnd().split('\n');
  const shown = lines.length > shownLines ? ['…', ...lines.slice(-shownLines)] : lines;
  return [
    `## ${row.id}: ${row.criterion}`,
    '',
    `Measured: ${figure.text}; limit: ${row.limit}; ${seconds.toFixed(1)} s.`,
    '',
    '```console',
    `$ ${row.command}`,
    ...shown.map((line) => line.slice(0, 200)),
    '```',
    '',
  ];
}

function machine(): string {
  return `Linux ${process.arch}, ${cpus().length} cores, Node ${process.version}.`;
}

main();
