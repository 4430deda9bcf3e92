// One row of the acceptance table: a criterion, the command that shows it, and how its figure is read.

import type { Result } from '../../bench/result';

/** What a command's output says about its criterion. */
export interface Figure {
  /** As it stands in the table: `0.41 µs`, `37 tests`. */
  text: string;
  holds: boolean;
}

export interface Row {
  /** What it is about, in a word: `npm run accept -- WORD` measures the rows whose id begins so. */
  id: string;
  criterion: string;
  /** A shell command line, run in the project's folder. */
  command: string;
  /** The bound that the figure has to keep. */
  limit: string;
  /** Reads the figure; called only when the command ended with 0. */
  figure(output: string): Figure;
}

/** Reads `N passed, N failed, N skipped` and the like: at least `least` tests ran, none failed or was skipped. */
export function tests(least: number): Row['figure'] {
  return (output) => {
    const passed = countOf(output, /(\d+) pass(?:ed|ing)\b/g) + countOf(output, /^. pass (\d+)$/gm);
    const bad =
      countOf(output, /(\d+) (?:failed|failing|skipped|pending)\b/g) +
      countOf(output, /^. (?:fail|skipped|cancelled) (\d+)$/gm);
    return { text: `${passed} tests`, holds: passed >= least && bad === 0 };
  };
}

/** Reads the last line of `npm test`: tests ran, none failed or was skipped; so did those of what comes behind it. */
export function suite(): Row['figure'] {
  return (output) => {
    const [line, passed] = /^(\d+) passed, 0 failed, 0 skipped$/m.exec(output) ?? [];
    const more = countOf(output, /^. pass (\d+)$/gm);
    const bad = countOf(output, /^. (?:fail|skipped|cancelled) (\d+)$/gm);
    const total = Number(passed ?? 0) + more;
    return { text: `${total} tests`, holds: line !== undefined && total > 0 && bad === 0 };
  };
}

/** Reads the soak: the growth that it tells for each host, and that its tests passed. */
export function growth(hosts: number, belowKiB: number): Row['figure'] {
  return (output) => {
    const grown = [...output.matchAll(/memory grew by (-?\d+) KiB/g)].map(([, kib]) => Number(kib));
    const passed = tests(hosts)(output);
    const holds = passed.holds && grown.length === hosts && grown.every((kib) => kib < belowKiB);
    return { text: `${passed.text}, ${grown.map((kib) => `${kib} KiB`).join(' and ')}`, holds };
  };
}

/** Reads `npm run chaos`: so many cycles, all of them good, and nothing left of them. */
export function chaos(cycles: number): Row['figure'] {
  return (output) => {
    const [told, good, all] = /\((\d+) of (\d+) cycles/.exec(output) ?? [];
    const [leaked] = /\d+ processes, -?\d+ descriptors, \d+ files/.exec(output) ?? ['nothing told of leaks'];
    const holds = /^chaos holds$/m.test(output) && Number(all) === cycles && good === all;
    return { text: `${told === undefined ? 'no rate' : `${good} of ${all} cycles`}, ${leaked}`, holds };
  };
}

/** Reads a case of `npm run bench -- --json`. */
export function bench(name: string, atMost: number, unit: string): Row['figure'] {
  return (output) => {
    const row = benchRows(output).find((candidate) => candidate.case === name);
    if (!row) return { text: `no case '${name}'`, holds: false };
    return { text: `${row.ours.toPrecision(3)} ${row.unit}`, holds: row.unit === unit && row.ours <= atMost };
  };
}

/** Reads `npm run bench -- --json`: every case that has a bar keeps it. */
export function benchAll(): Row['figure'] {
  return (output) => {
    const withBar = benchRows(output).filter((row) => row.bar !== null);
    const kept = withBar.filter((row) => row.ok).length;
    return { text: `${kept} of ${withBar.length} bars`, holds: kept === withBar.length && kept > 0 };
  };
}

/** Reads what bash's `time` says. */
export function seconds(atMost: number): Row['figure'] {
  return (output) => {
    const [, minutes, rest] = /real\s+(\d+)m([\d.]+)s/.exec(output) ?? [];
    const measured = Number(minutes) * 60 + Number(rest);
    return { text: `${measured.toFixed(1)} s`, holds: measured <= atMost };
  };
}

/** The output has to contain every one of these. */
export function shows(...patterns: RegExp[]): Row['figure'] {
  return (output) => {
    const missing = patterns.filter((pattern) => !pattern.test(output));
    const found = patterns.length - missing.length;
    return { text: `${found} of ${patterns.length} found`, holds: missing.length === 0 };
  };
}

function countOf(output: string, pattern: RegExp): number {
  return [...output.matchAll(pattern)].reduce((all, match) => all + Number(match[1]), 0);
}

function benchRows(output: string): Result[] {
  const [json] = /^\[$[\s\S]*?^\]$/m.exec(output) ?? ['[]'];
  return JSON.parse(json) as Result[];
}
