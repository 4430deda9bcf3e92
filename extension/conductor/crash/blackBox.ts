/**
 * Purpose: what outlives a crash: reports of children that crashed, sentinels of processes that embed Python, and the
 * doubts that follow from those that fell.
 * Threads: a JavaScript thread; many processes share one folder, each sees the reports of all.
 * Must not know: VS Code, hosts.
 *
 * Everything is done at once and on disk: after a crash nobody may be there to do it later.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Emitter } from '../../bridge/emitter';
import type { CrashCrossings, CrashReport } from '../../protocol/crashReport';
import { endingOf } from '../../protocol/trace/ending';
import type { TraceModel } from '../../protocol/trace/model';
import type { HostExit, HostInfo } from '../host';
import { readTraceFile } from '../traceFile';
import { CrashFolder, newId } from './crashFolder';
import { type Doubt, Doubts } from './doubts';
import { faultStacks } from './faultStacks';
import { sayExit } from './meaning';
import { type Fallen, Sentinel, type SentinelFacts, takeFallen } from './sentinel';

/** Crossings that a report tells one by one; the recording has the others. */
const RECENT = 50;

export class BlackBox {
  private readonly reports: CrashFolder;
  private readonly doubts: Doubts;
  private readonly sentinels: string;
  private readonly keeps = new Emitter<CrashReport>();
  /** A crash was found, and its report is kept. */
  readonly onDidKeep = this.keeps.on;

  /**
   * @param folder made when it is needed; readable for its owner only
   * @param log one line for each thing that was found
   */
  constructor(
    folder: string,
    private readonly log: (line: string) => void = () => {},
  ) {
    this.reports = new CrashFolder(folder);
    this.doubts = new Doubts(join(folder, 'doubts.json'));
    this.sentinels = join(folder, 'embedded');
  }

  /** The newest crash, of whichever process; undefined when there was none. */
  newest(): CrashReport | undefined {
    return this.reports.newest();
  }

  /** Keeps what is known of a child that ended unasked. */
  childCrashed(info: HostInfo, workspace: string, exit: HostExit): void {
    const { signal, exitCode } = exit;
    const { executable, version, pid, traceFile } = info;
    const model = this.read(traceFile);
    this.keep({
      id: newId(pid),
      host: 'subprocess',
      ...sayExit({ signal: signal as NodeJS.Signals | null, exitCode }),
      signal,
      exitCode,
      interpreter: executable,
      version,
      pid,
      workspace,
      atMs: Date.now(),
      stacks: faultStacks(exit.stderrTail),
      crossings: model && endingOf(model, RECENT),
      traceFile,
    });
  }

  /** Stands for a Python that is about to be embedded here. */
  sentinel(facts: SentinelFacts): Sentinel {
    return new Sentinel(this.sentinels, facts);
  }

  /** Looks for processes that ended with Python in them, and draws the conclusions. Cheap when there are none. */
  settle(): void {
    const judged = new Set<string>();
    for (const fallen of takeFallen(this.sentinels)) {
      try {
        // The threads of a process have one each.
        const ended = `${fallen.boot} ${fallen.pid} ${fallen.start}`;
        if (!judged.has(ended)) this.judge(fallen);
        judged.add(ended);
      } finally {
        if (fallen.secured !== null) rmSync(fallen.secured, { force: true });
      }
    }
  }

  /** Why `auto` does not embed this Python; undefined when it may. */
  doubtOf(key: string): Doubt | undefined {
    return this.doubts.of(key);
  }

  /** The way back: every Python may be embedded again. Reports stay. @returns how many were doubted. */
  trustAgain(): number {
    return this.doubts.forget();
  }

  private judge(fallen: Fallen): void {
    const { pid, key, interpreter, version, workspace, secured } = fallen;
    const model = this.read(secured);
    const crossings = model && endingOf(model, RECENT);
    const suspicion = suspect(fallen, model, crossings);
    if (suspicion === null) {
      this.log(
        `process ${pid} ended without closing Python (${interpreter}), which was not at work: no crash of Python's`,
      );
      return;
    }
    const atMs = model ? model.clock.openedWallMs + model.duration / 1e6 : fallen.atMs;
    const what = `The process that embedded Python ended ${suspicion}`;
    const meaning = 'most likely a crash of native code; to be killed from outside looks the same';
    const facts = { interpreter, version, pid, workspace, atMs, signal: null, exitCode: null };
    this.doubts.add(key, { atMs, why: `the process that embedded this Python ended ${suspicion}` });
    const id = newId(pid);
    this.keep({ id, host: 'embedded', what, meaning, ...facts, stacks: [], crossings, traceFile: secured });
  }

  private keep(report: CrashReport): void {
    try {
      const kept = this.reports.keep(report);
      this.log(`crash report ${kept.id}: ${kept.what}`);
      this.keeps.fire(kept);
    } catch (error) {
      this.log(`the crash report could not be kept: ${(error as Error).message}`);
    }
  }

  private read(traceFile: string | null): TraceModel | null {
    if (traceFile === null) return null;
    try {
      return readTraceFile(traceFile);
    } catch (error) {
      this.log(`the recording of a crash cannot be read: ${(error as Error).message}`);
      return null;
    }
  }
}

/**
 * What speaks for a crash of Python's, in words that follow “ended”; null when nothing does. How a process ended is not known once it is
 * gone; what it was doing is.
 */
function suspect(fallen: Fallen, model: TraceModel | null, crossings: CrashCrossings | null): string | null {
  // With the machine ends every process, whatever it does.
  if (fallen.rebooted || model?.closed) return null;
  if (fallen.stage === 'starting') return 'while Python was being started';
  if (crossings === null) return 'and no recording tells what it was doing';
  const count = crossings.underWay.length;
  if (count === 0) return null;
  return count === 1 ? 'while one call was under way' : `while ${count} calls were under way`;
}
