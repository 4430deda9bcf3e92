/**
 * Purpose: the crash reports on disk, each with its recording beside it; the newest few are kept.
 * Threads: any one; several processes may share the folder.
 * Must not know: VS Code, how a report comes about.
 */
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CrashReport } from '../../protocol/crashReport';
import { readJson, writeJson } from '../privateFile';
import { secureTrace } from './secureTrace';

/** A recording may be tens of megabytes. */
const KEPT = 5;
const SUFFIX = '.crash.json';

export class CrashFolder {
  constructor(readonly folder: string) {}

  /**
   * Keeps the report, and its recording with it.
   * @returns the report as it is kept: its `traceFile` is the kept one.
   * @throws Node's own error when the folder cannot be written to
   */
  keep(report: CrashReport): CrashReport {
    const own = join(this.folder, `${report.id}.symtrace`);
    const isSecured = report.traceFile !== null && secureTrace(report.traceFile, own);
    // Its other name may lie where everybody reads.
    if (isSecured) chmodSync(own, 0o600);
    const kept = { ...report, traceFile: isSecured ? own : null };
    writeJson(join(this.folder, `${report.id}${SUFFIX}`), kept);
    this.removeOld();
    return kept;
  }

  /** The newest report; undefined when there is none. */
  newest(): CrashReport | undefined {
    for (const id of this.ids().reverse()) {
      const report = readJson<CrashReport>(join(this.folder, `${id}${SUFFIX}`));
      if (report === undefined) continue;
      const isThere = report.traceFile !== null && existsSync(report.traceFile);
      return { ...report, traceFile: isThere ? report.traceFile : null };
    }
    return undefined;
  }

  private removeOld(): void {
    for (const id of this.ids().slice(0, -KEPT)) {
      for (const suffix of [SUFFIX, '.symtrace'])
        rmSync(join(this.folder, `${id}${suffix}`), { force: true });
    }
  }

  /** The oldest first. */
  private ids(): string[] {
    try {
      const names = readdirSync(this.folder).filter((name) => name.endsWith(SUFFIX));
      return names.map((name) => name.slice(0, -SUFFIX.length)).sort();
    } catch {
      return [];
    }
  }
}

/** Begins with the time, so that ids sort by age. */
export function newId(pid: number): string {
  return `${new Date().toISOString().replace(/[:.]/g, '-')}-${pid}`;
}
