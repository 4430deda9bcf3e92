/**
 * Purpose: what a run of faults comes to, for a program and for a person.
 * Threads: any.
 * Must not know: how it was found out.
 */
import type { CycleOutcome } from './cycle';

/** Both runtimes go on compiling, and keep what they freed: a leak of a kilobyte in each of 10,000 cycles shows. */
const MOST_GROWTH = 10 * 1024 * 1024;

/** What was found. */
export interface Findings {
  readonly seed: number;
  readonly outcomes: readonly CycleOutcome[];
  readonly seconds: number;
  /** Resident memory of our process at equal distances, in bytes. */
  readonly memory: readonly number[];
  /** Ids of processes that are left. */
  readonly processes: readonly number[];
  /** How many more are open than before. */
  readonly descriptors: number;
  /** Files and folders that are left, in the temporary folder, the Pit home and beside the traces. */
  readonly files: readonly string[];
}

interface FaultCount {
  cycles: number;
  failed: number;
  /** Milliseconds; the longest of each. */
  slowestEnd: number;
  slowestRecovery: number;
  /** How often calls ended with each code. */
  codes: Record<string, number>;
}

export interface ChaosReport {
  readonly holds: boolean;
  readonly seed: number;
  readonly cycles: number;
  readonly succeeded: number;
  /** Percent. */
  readonly successRate: number;
  readonly seconds: number;
  readonly slowestRecoveryMs: number;
  readonly leaked: {
    readonly processes: readonly number[];
    readonly descriptors: number;
    readonly files: readonly string[];
    /** Bytes that our process grew by in the second half, when it has what it needs. */
    readonly memory: number;
  };
  readonly failures: readonly CycleOutcome[];
  readonly faults: Readonly<Record<string, FaultCount>>;
}

export function reportOf(findings: Findings): ChaosReport {
  const { seed, outcomes, seconds, processes, descriptors, files } = findings;
  const failures = outcomes.filter(({ failure }) => failure !== null);
  const succeeded = outcomes.length - failures.length;
  const leaked = { processes, descriptors, files, memory: growthOf(findings.memory) };
  const nothingLeft =
    processes.length === 0 && descriptors <= 0 && files.length === 0 && leaked.memory <= MOST_GROWTH;
  return {
    holds: failures.length === 0 && outcomes.length > 0 && nothingLeft,
    seed,
    cycles: outcomes.length,
    succeeded,
    successRate: (100 * succeeded) / outcomes.length,
    seconds,
    slowestRecoveryMs: Math.max(...outcomes.map(({ recoveryMs }) => recoveryMs)),
    leaked,
    failures,
    faults: countsOf(outcomes),
  };
}

export function textOf(report: ChaosReport): string {
  const { leaked } = report;
  const rows = Object.entries(report.faults).map(([name, count]) => {
    const codes = Object.entries(count.codes).map(([code, times]) => `${code} ${times}`);
    const times = `${seconds(count.slowestEnd)} ${seconds(count.slowestRecovery)}`;
    return `${name.padEnd(38)} ${String(count.cycles).padStart(6)} ${String(count.failed).padStart(6)} ${times}  ${codes.join(', ')}`;
  });
  return [
    `${'fault'.padEnd(38)} cycles failed     ends   again  how its calls ended`,
    ...rows,
    '',
    `success rate      ${report.successRate.toFixed(2)} % (${report.succeeded} of ${report.cycles} cycles, seed ${report.seed}, ${report.seconds.toFixed(0)} s)`,
    `slowest recovery  ${report.slowestRecoveryMs.toFixed(0)} ms`,
    `leaked            ${leaked.processes.length} processes, ${leaked.descriptors} descriptors, ${leaked.files.length} files`,
    ...leaked.files.map((file) => `                  ${file}`),
    `memory            ${(leaked.memory / 1024).toFixed(0)} KiB more in the second half (limit ${MOST_GROWTH / 1024} KiB)`,
    report.holds ? 'chaos holds' : 'chaos does not hold',
  ].join('\n');
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2).padStart(6)}s`;

function countsOf(outcomes: readonly CycleOutcome[]): Record<string, FaultCount> {
  const counts: Record<string, FaultCount> = {};
  for (const { fault, failure, endMs, recoveryMs, codes } of outcomes) {
    counts[fault] ??= { cycles: 0, failed: 0, slowestEnd: 0, slowestRecovery: 0, codes: {} };
    const count = counts[fault];
    count.cycles += 1;
    if (failure !== null) count.failed += 1;
    count.slowestEnd = Math.max(count.slowestEnd, endMs);
    count.slowestRecovery = Math.max(count.slowestRecovery, recoveryMs);
    for (const code of codes) count.codes[code] = (count.codes[code] ?? 0) + 1;
  }
  return counts;
}

/** From the lowest of the third quarter to the lowest of the last: what is freed a moment later is no growth. */
function growthOf(samples: readonly number[]): number {
  const quarter = Math.floor(samples.length / 4);
  if (quarter === 0) return 0;
  return Math.min(...samples.slice(-quarter)) - Math.min(...samples.slice(-2 * quarter, -quarter));
}
