/**
 * Show Python Environments: which Python runs what in this window, and why each candidate was taken or lost.
 *
 * Threads: extension host main thread. Must not know: how interpreters are found.
 */
import * as vscode from 'vscode';
import { environmentsPage, survey } from '../conductor/environments';
import type { Workbench } from '../workbench/workbench';
import { trusted } from './scripts';

/** @returns the page, for tests and other commands. */
export async function showEnvironmentsCommand(workbench: Workbench): Promise<string | undefined> {
  if (!trusted('Looking for interpreters')) return undefined;
  const found = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: 'Looking for Python interpreters' },
    () => survey(workbench.surveyRequest()),
  );
  const page = environmentsPage(found, workbench.runningChildren());
  await workbench.results.render('Python environments', page);
  return page;
}
