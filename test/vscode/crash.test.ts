/** After crashes, in the real extension host: what a person is told, what the buttons do, and where scripts run then. */
import { strict as assert } from 'node:assert';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { COMMANDS, SETTINGS } from '../../extension/ids';
import { api, EXTENSION_ID, eventually, Notifications, resetSettings, run, script, setting } from './support';

function isPanelOpen(): boolean {
  return vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .some(
      ({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith('symphony.trace'),
    );
}

describe('after a crash', () => {
  const notifications = new Notifications();
  beforeEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    notifications.start();
  });
  afterEach(async () => {
    notifications.stop();
    await resetSettings();
  });
  after(async () => {
    await vscode.commands.executeCommand(COMMANDS.restartConductor);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('shows the report of a child that crashed, and the status says so until it is there again', async () => {
    await setting(SETTINGS.host, 'subprocess');
    notifications.press = 'Show Crash Report';
    const record = await run(script('crashes'));
    assert.equal(record?.end?.kind, 'failed');
    assert.equal((await api()).state.kind, 'crashed');
    assert.ok(
      notifications.find(/crashes\.conductor\.py failed: .*SIGSEGV/).buttons.includes('Show Crash Report'),
    );
    await eventually('the panel is open', isPanelOpen);
    const shown = await vscode.commands.executeCommand<string>(COMMANDS.showCrashReport);
    assert.match(shown ?? '', /^\d{4}-.*-\d+$/);
    await run(script('exits'));
    assert.equal((await api()).state.kind, 'idle');
  });

  it('gives up when it keeps crashing, says so once, and starts again when it is told to', async () => {
    await setting(SETTINGS.host, 'subprocess');
    await vscode.commands.executeCommand(COMMANDS.restartConductor);
    const workbench = await api();
    for (let crash = 0; crash < 5; crash += 1) {
      assert.equal((await run(script('crashes')))?.end?.kind, 'failed');
      assert.equal(workbench.state.kind, crash < 4 ? 'crashed' : 'given-up');
    }
    const told = notifications.find(/keeps crashing/);
    assert.deepEqual(told.buttons, ['Restart Conductor', 'Show Crash Report', 'Show Output']);
    notifications.shown.length = 0;
    notifications.press = 'Restart Conductor';
    assert.equal((await run(script('exits')))?.end?.kind, 'failed');
    notifications.find(/is not started again/);
    await eventually('it is there again', () => workbench.state.kind === 'idle');
    notifications.press = undefined;
    assert.deepEqual((await run(script('exits')))?.end, { kind: 'exited', exitCode: 3 });
  });

  it('takes a subprocess after the extension host fell, tells why, and goes back on request', async () => {
    await setting(SETTINGS.host, 'embedded');
    const first = await run(script('exits'));
    const storage = dirname(dirname(dirname(dirname(dirname(first?.bridge.info.traceFile ?? '')))));
    const folder = join(storage, 'globalStorage', EXTENSION_ID, 'crashes', 'embedded');
    const [own] = readdirSync(folder).filter((name) => name.startsWith(`${process.pid}-`));
    assert.ok(own, 'a sentinel stands while Python is in this process');
    // As if a process before this one had fallen.
    const written = JSON.parse(readFileSync(join(folder, own.replace(/\.symtrace$/, '.sentinel')), 'utf8'));
    mkdirSync(folder, { recursive: true });
    const fallen = { ...written, pid: 1, start: 'earlier', stage: 'starting' };
    writeFileSync(join(folder, '1-earlier-0.sentinel'), JSON.stringify(fallen));

    await setting(SETTINGS.host, undefined);
    notifications.press = 'Show Crash Report';
    const second = await run(script('exits'));
    assert.equal(second?.bridge.kind, 'subprocess');
    assert.ok(second.bridge.info.fellBack);
    assert.deepEqual(notifications.find(/ended while Python was being started/).buttons, [
      'Show Crash Report',
      'Try Embedded Again',
    ]);
    await eventually('the panel is open', isPanelOpen);
    const page = await vscode.commands.executeCommand<string>(COMMANDS.showEnvironments);
    assert.match(page ?? '', /embedded host \|.*passed over: .*Try Embedded Again/);

    await vscode.commands.executeCommand(COMMANDS.tryEmbeddedAgain);
    notifications.find(/The next run embeds Python again/);
    assert.equal((await run(script('exits')))?.bridge.kind, 'embedded');
  });
});
