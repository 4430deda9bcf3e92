/**
 * After a crash: shows what is known of it, and the way back to the embedded host.
 *
 * Threads: extension host main thread. Must not know: how crashes are found.
 */
import * as vscode from 'vscode';
import { readConfig } from '../config';
import type { Workbench } from '../workbench/workbench';

/** Opens the newest report in the trace panel. @returns its id; undefined when nothing has crashed. */
export function showCrashReportCommand(workbench: Workbench): string | undefined {
  const report = workbench.blackBox.newest();
  if (report === undefined) {
    void vscode.window.showInformationMessage('No crash of Python is on record.');
    return undefined;
  }
  workbench.traceSource.showCrash(report);
  workbench.trace.show();
  return report.id;
}

/** Forgets that Pythons crashed here: `auto` embeds again, from the next run on. */
export function tryEmbeddedAgainCommand(workbench: Workbench): void {
  const count = workbench.blackBox.trustAgain();
  workbench.bridges.markStale();
  const { host } = readConfig();
  const next =
    host === 'subprocess'
      ? 'The setting symphony.conductor.host asks for a subprocess, though.'
      : 'The next run embeds Python again, where that is possible.';
  const text = count === 0 ? 'No Python is kept from the embedded host by a crash.' : next;
  void vscode.window.showInformationMessage(text);
}
