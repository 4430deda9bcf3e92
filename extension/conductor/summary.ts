/**
 * Purpose: the text that tells how a run went: crossings, errors, leaks, where the trace is.
 * Threads: any.
 * Must not know: where it is shown, how the figures came about.
 */
import { formatDuration } from '../protocol/duration';
import type { TraceSummary } from '../protocol/trace/summary';
import type { LeakedHandle } from './liveHandles';
import type { RunEnd } from './runScript';

/** What there is to tell. */
export interface RunFacts {
  /** null when nothing was recorded. */
  trace: TraceSummary | null;
  leaks: readonly LeakedHandle[];
  traceFile: string | null;
  end: RunEnd['kind'];
  exitCode: number;
  /** Milliseconds from the start of the script to its end. */
  tookMs: number;
}

/** Lines without a final newline. */
export function formatSummary(facts: RunFacts): string {
  return [
    `Summary: exit code ${facts.exitCode} after ${formatMs(facts.tookMs)}`,
    ...(facts.end === 'abandoned' ? ['  abandoned  nothing could end the script inside this process'] : []),
    ...crossingLines(facts.trace),
    `  errors     ${facts.trace ? facts.trace.errors : 'not recorded'}`,
    ...leakLines(facts.leaks),
    `  trace      ${facts.traceFile ?? 'not recorded (pass --trace FILE)'}`,
  ].join('\n');
}

function formatMs(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}

function crossingLines(trace: TraceSummary | null): string[] {
  if (!trace) return ['  crossings  not recorded'];
  const lost = trace.dropped > 0 ? ` (${trace.dropped} older events were overwritten)` : '';
  const width = Math.max(0, ...trace.directions.map(({ direction }) => direction.length));
  return [
    `  crossings  ${trace.crossings}${lost}`,
    ...trace.directions.map(({ direction, count, errors, p50Ns }) => {
      const failed = errors > 0 ? `  ${errors} failed` : '';
      return `    ${direction.padEnd(width)}  ${String(count).padStart(7)}  p50 ${formatDuration(p50Ns)}${failed}`;
    }),
  ];
}

function leakLines(leaks: readonly LeakedHandle[]): string[] {
  if (leaks.length === 0) return ['  leaks      none'];
  return [
    `  leaks      ${leaks.length}`,
    ...leaks.map(({ kind, name, site }) => `    ${kind} ${name}  ${site || 'made at an unknown place'}`),
  ];
}
