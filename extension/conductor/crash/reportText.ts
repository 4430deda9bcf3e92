/**
 * Purpose: a crash report as a page of plain text, to read, keep or send.
 * Threads: any.
 * Must not know: where it is shown.
 */
import type { CrashCrossing, CrashReport, CrashStack } from '../../protocol/crashReport';
import { formatDuration } from '../../protocol/duration';

/** The whole report. `file:line` stand as they do in tracebacks and stacks, so that they can be followed. */
export function reportText(report: CrashReport): string {
  return `${[
    [`${report.what}${report.meaning ? `: ${report.meaning}` : ''}.`],
    factLines(report),
    ['Under way, the innermost call of a thread last', ...underWayLines(report)],
    ['Stacks of Python, the innermost call last', ...stackLines(report)],
    ['Last crossings, the newest last', ...recentLines(report)],
  ]
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function factLines(report: CrashReport): string[] {
  const facts: [string, string][] = [
    ['time', new Date(report.atMs).toISOString()],
    ['host', report.host],
    ['process', String(report.pid)],
    ['signal', report.signal ?? (report.host === 'embedded' ? 'not known' : 'none')],
    ['exit code', report.exitCode === null ? 'none' : String(report.exitCode)],
    ['interpreter', `${report.interpreter} (Python ${report.version})`],
    ['workspace', report.workspace],
    ['trace', report.traceFile ?? 'none'],
  ];
  return facts.map(([name, value]) => `${name.padEnd(12)} ${value}`);
}

function underWayLines({ crossings }: CrashReport): string[] {
  if (crossings === null) return ['  not recorded'];
  if (crossings.underWay.length === 0) return ['  nothing'];
  return byThread(crossings.underWay).flatMap(([thread, calls]) => [
    `  ${thread}`,
    ...calls.map((call) => `    ${callLine(call)}, begun ${formatDuration(call.agoNs)} before the end`),
  ]);
}

function recentLines({ crossings }: CrashReport): string[] {
  if (crossings === null) return ['  not recorded'];
  if (crossings.recent.length === 0) return ['  none'];
  return crossings.recent.map((call) => {
    const end =
      call.tookNs === null
        ? 'under way'
        : `${call.failed ? 'failed after' : 'took'} ${formatDuration(call.tookNs)}`;
    return `  -${formatDuration(call.agoNs).padEnd(9)} ${callLine(call)}, ${end}, in ${call.thread}`;
  });
}

function stackLines({ stacks, host }: CrashReport): string[] {
  if (stacks.length > 0) return stacks.flatMap(oneStack);
  return [host === 'embedded' ? '  not known: they end with the extension host' : '  none were printed'];
}

function oneStack({ thread, faulting, frames }: CrashStack): string[] {
  return [
    `  Thread ${thread}${faulting ? ', which crashed' : ''}`,
    ...frames.map((frame) => `    File "${frame.file}", line ${frame.line}, in ${frame.function}`),
    ...(frames.length === 0 ? ['    no Python frame'] : []),
  ];
}

function callLine({ name, from, to, site }: CrashCrossing): string {
  return `${from} → ${to} ${name}${site ? ` at ${site.file}:${site.line}` : ''}`;
}

function byThread(crossings: readonly CrashCrossing[]): [string, CrashCrossing[]][] {
  const groups = new Map<string, CrashCrossing[]>();
  for (const one of crossings) groups.set(one.thread, [...(groups.get(one.thread) ?? []), one]);
  return [...groups];
}
