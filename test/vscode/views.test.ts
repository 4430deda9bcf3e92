import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { COMMANDS, RESULT_SCHEME } from '../../extension/ids';
import { eventually, extension, Notifications, resetSettings, run, script } from './support';

/** Earlier tests have printed megabytes. */
function end(document: vscode.TextDocument): string {
  const { lineCount } = document;
  return document.getText(new vscode.Range(Math.max(0, lineCount - 100), 0, lineCount, 0));
}

describe('views', () => {
  const notifications = new Notifications();
  beforeEach(() => notifications.start());
  afterEach(() => notifications.stop());
  after(async () => {
    await resetSettings();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('runs the tour', async () => {
    const tour = join(extension().extensionPath, 'examples', 'tour.conductor.py');
    assert.ok(existsSync(tour));
    const record = await run(vscode.Uri.file(tour));
    assert.deepEqual(record?.end, { kind: 'exited', exitCode: 0 }, JSON.stringify(notifications.shown));
  });

  it('links the lines of a joined stack in the output', async () => {
    const failed = await run(script('raises'));
    assert.equal(failed?.end?.kind, 'failed');
    await vscode.commands.executeCommand(COMMANDS.showOutput);
    const output = await eventually('the output is open', () =>
      vscode.workspace.textDocuments.find(
        (document) =>
          document.uri.scheme === 'output' && /divide .*raises\.conductor\.py:5/.test(end(document)),
      ),
    );
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      output.uri,
    );
    const targets = links.map(({ target }) => `${target?.path}#${target?.fragment}`);
    assert.ok(targets.includes(`${script('raises').path}#L5`), targets.join('\n'));
  });

  it('opens the trace panel', async () => {
    await vscode.commands.executeCommand(COMMANDS.openTrace);
    await eventually('the panel is open', () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .find(
          ({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith('symphony.trace'),
        ),
    );
  });

  it('invokes a Pit operation and shows the result in a read-only editor', async () => {
    const result = await vscode.commands.executeCommand<string>(COMMANDS.invokePitOperation, {
      name: 'store_artifact',
      arguments: { content: 'from the palette', content_type: 'text/plain' },
    });
    assert.match(result ?? '', /[0-9a-f]{8}-[0-9a-f]{4}-/, JSON.stringify(notifications.shown));
    const { document } = vscode.window.activeTextEditor ?? {};
    assert.equal(document?.uri.scheme, RESULT_SCHEME);
    assert.equal(document?.getText(), result);
  });

  it('tells what a Pit operation refuses', async () => {
    const result = await vscode.commands.executeCommand(COMMANDS.invokePitOperation, {
      name: 'retrieve_artifact',
      arguments: { id: 'no id at all' },
    });
    assert.equal(result, undefined);
    notifications.find(/The Pit operation failed/);
  });
});
