/**
 * Feeds the trace panel from the newest run: its trace file, its errors, the handles that were left at its end.
 *
 * Threads: extension host main thread. Must not know: VS Code, how the panel shows it.
 */
import { existsSync } from 'node:fs';
import { Emitter } from '../bridge/emitter';
import type { LiveHandle } from '../conductor/liveHandles';
import { readTraceFile } from '../conductor/traceFile';
import type { CrashReport } from '../protocol/crashReport';
import type { HandleState, PanelHandle } from '../protocol/panelMessages';
import { errorsOfTrace, handlesOfTrace, mergeErrors } from '../protocol/trace/derived';
import { parseSite } from '../protocol/trace/names';
import { sliceFrom } from '../protocol/trace/slice';
import type { BridgeOwner } from '../workbench/bridgeOwner';
import type { RunRecord, Runs } from '../workbench/runs';
import { panelError } from './panelErrors';
import type { TraceData, TraceSource } from './tracePanel';

/** While a script runs its trace grows all the time. */
const REFRESH_MS = 1000;

export class WorkbenchTrace implements TraceSource {
  private readonly changes = new Emitter<void>();
  readonly onDidChange = this.changes.on;
  private readonly subscription: { dispose(): void };
  private timer: NodeJS.Timeout | undefined;
  private shown: { readonly report: CrashReport; readonly run: RunRecord | undefined } | undefined;

  constructor(
    private readonly runs: Pick<Runs, 'last' | 'onDidChange'>,
    private readonly bridges: Pick<BridgeOwner, 'current'>,
    /** The newest file that was kept, of whichever Python. */
    private readonly newestKept: () => Promise<string | undefined>,
  ) {
    this.subscription = runs.onDidChange((run) => {
      clearInterval(this.timer);
      if (run.end === undefined) {
        this.shown = undefined;
        this.timer = setInterval(() => this.changes.fire(), REFRESH_MS);
      }
      this.changes.fire();
    });
  }

  get crash(): CrashReport | null {
    return this.shown?.report ?? null;
  }

  /**
   * Shows a crash, and what was recorded until then, up to the next run.
   * @param run the one that it ended
   */
  showCrash(report: CrashReport, run?: RunRecord): void {
    // Asked for again it still is of that run.
    const known = this.shown?.report.id === report.id ? this.shown.run : undefined;
    this.shown = { report, run: run ?? known };
    this.changes.fire();
  }

  async load(): Promise<TraceData | null> {
    if (this.shown !== undefined) return loadCrash(this.shown.report, this.shown.run);
    const run = this.runs.last;
    const file = run?.bridge.info.traceFile ?? this.bridges.current?.info.traceFile;
    if (file === undefined || file === null || !existsSync(file)) return await this.loadKept();
    const whole = readTraceFile(file);
    // A host records over many runs into one file; the panel shows the newest.
    const since = run ? (run.startedAt - whole.clock.openedWallMs) * 1e6 : 0;
    const model = sliceFrom(whole, since);
    const handles = run?.handles.map(panelHandle) ?? [];
    return {
      model,
      errors: mergeErrors(run?.errors.map(panelError) ?? [], errorsOfTrace(model)),
      // While the script runs, and after a crash, only the trace can tell.
      handles: handles.length > 0 ? handles : handlesOfTrace(model),
      title: run?.name ?? 'Conductor',
    };
  }

  /** Nothing ran in this window yet: what was recorded before, by a window that crashed for instance. */
  private async loadKept(): Promise<TraceData | null> {
    const file = await this.newestKept();
    if (file === undefined) return null;
    const model = readTraceFile(file);
    const title = `Earlier: ${new Date(model.clock.openedWallMs).toLocaleString()}`;
    return { model, errors: errorsOfTrace(model), handles: handlesOfTrace(model), title };
  }

  dispose(): void {
    clearInterval(this.timer);
    this.subscription.dispose();
  }
}

function loadCrash(crash: CrashReport, run: RunRecord | undefined): TraceData | null {
  if (crash.traceFile === null) return null;
  const model = readTraceFile(crash.traceFile);
  return {
    model,
    errors: mergeErrors(run?.errors.map(panelError) ?? [], errorsOfTrace(model)),
    handles: handlesOfTrace(model),
    title: run?.name ?? `Crash: ${new Date(crash.atMs).toLocaleString()}`,
    crash,
  };
}

const REASONS: Record<HandleState, string> = {
  leak: 'outlived the run that made it',
  'long-lived': 'declared long-lived',
  live: 'in use',
};

function panelHandle(handle: LiveHandle): PanelHandle {
  const state: HandleState = handle.leak ? 'leak' : handle.long_lived ? 'long-lived' : 'live';
  return {
    id: handle.id,
    kind: handle.kind,
    name: handle.name,
    site: parseSite(handle.site ?? ''),
    ageNs: Math.max(0, Number(process.hrtime.bigint()) - handle.opened_ns),
    span: handle.span === 0 ? null : handle.span,
    state,
    reason: handle.reason || REASONS[state],
  };
}
