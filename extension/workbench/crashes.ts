/**
 * What the workbench does about a crash that was found: shows it in the panel, tells of it when no call has.
 *
 * Threads: extension host main thread. Must not know: how crashes are found and kept.
 */
import { readConfig } from '../config';
import type { CrashReport } from '../protocol/crashReport';
import type { Failures } from '../views/failures';
import type { WorkbenchTrace } from '../views/traceSource';
import type { BridgeOwner } from './bridgeOwner';
import type { Runs } from './runs';

/** The parts of the workbench that have to do with it. */
export interface Concerned {
  readonly failures: Failures;
  readonly traceSource: WorkbenchTrace;
  readonly runs: Runs;
  readonly bridges: BridgeOwner;
  /** Whether the process is the Python of a debug session. */
  isDebugged(pid: number): boolean;
}

export function crashFound(report: CrashReport, concerned: Concerned): void {
  const { failures, traceSource, runs, bridges } = concerned;
  if (report.host === 'embedded') tellOfFallen(report, failures);
  // Whatever the next start records, the panel goes on showing the crash until the next run.
  else if (report.pid === bridges.current?.info.pid) traceSource.showCrash(report, runs.last);
  else if (concerned.isDebugged(report.pid)) failures.showCrash(`While it was debugged: ${report.what}.`);
}

/** A process crashed with Python in it: this window's extension host, before it was started anew, or another's. */
function tellOfFallen({ what, interpreter }: CrashReport, failures: Failures): void {
  const isAuto = readConfig().host === 'auto';
  const next = isAuto
    ? `Scripts run in a subprocess with ${interpreter} until you choose otherwise.`
    : 'The setting symphony.conductor.host decides where scripts run.';
  failures.showCrash(`${what}. ${next}`, isAuto);
}
