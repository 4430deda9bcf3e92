/** The trace panel and the documents of results in the real extension host. */
import { strict as assert } from 'node:assert';
import * as vscode from 'vscode';
import { COMMANDS, RESULT_SCHEME } from '../../extension/ids';
import { eventually, Notifications, resetSettings } from './support';

describe('views', () => {
  const notifications = new Notifications();
  beforeEach(() => notifications.start());
  afterEach(() => notifications.stop());
  after(async () => {
    await resetSettings();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
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
    await vscode.commands.executeCommand('workbench.action.files.newUntitledFile');
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
    assert.equal(document?.getText(), result, 'it is still there when it shows again');
  });

  it('shows which Python does what', async () => {
    const page = await vscode.commands.executeCommand<string>(COMMANDS.showEnvironments);
    for (const role of ['chosen', 'embedded host', 'subprocess host', 'debugger', 'taken'])
      assert.match(page ?? '', new RegExp(`^\\| ${role} \\| /`, 'm'), page);
    await eventually('the page is open', () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .find(
          ({ label, input }) => input instanceof vscode.TabInputWebview && /Python environments/.test(label),
        ),
    );
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
