/**
 * Feeds the trace panel from the newest run: its trace file, its errors, the handles that were left at its end.
 *
 * Threads: extension host main thread. Must not know: how the panel shows it.
 */
import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import type { LiveHandle } from '../conductor/liveHandles';
import { readTraceFile } from '../conductor/traceFile';
import type { HandleState, PanelHandle } from '../protocol/panelMessages';
import { errorsOfTrace, handlesOfTrace, mergeErrors } from '../protocol/trace/derived';
import type { SourceSite } from '../protocol/trace/model';
import { sliceFrom } from '../protocol/trace/slice';
import type { BridgeOwner } from '../workbench/bridgeOwner';
import type { Runs } from '../workbench/runs';
import { panelError } from './panelErrors';
import type { TraceData, TraceSource } from './tracePanel';

/** While a script runs its trace grows all the time. */
const REFRESH_MS = 1000;

export class WorkbenchTrace implements TraceSource, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changes.event;
  private readonly subscription: { dispose(): void };
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly runs: Runs,
    private readonly bridges: BridgeOwner,
  ) {
    this.subscription = runs.onDidChange((run) => {
      clearInterval(this.timer);
      if (run.end === undefined) this.timer = setInterval(() => this.changes.fire(), REFRESH_MS);
      this.changes.fire();
    });
  }

  async load(): Promise<TraceData | null> {
    const run = this.runs.last;
    const file = run?.bridge.info.traceFile ?? this.bridges.current?.info.traceFile;
    if (file === undefined || file === null || !existsSync(file)) return null;
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

  dispose(): void {
    clearInterval(this.timer);
    this.subscription.dispose();
    this.changes.dispose();
  }
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
    site: parseSite(handle.site),
    ageNs: Math.max(0, Number(process.hrtime.bigint()) - handle.opened_ns),
    span: handle.span === 0 ? null : handle.span,
    state,
    reason: handle.reason || REASONS[state],
  };
}

function parseSite(site: string | null): SourceSite | null {
  const match = site === null ? null : /^(.+):(\d+)$/.exec(site);
  return match === null ? null : { file: match[1], line: Number(match[2]) };
}
