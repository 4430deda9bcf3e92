/** Running scripts in the real extension host, on both hosts, and what a person is told. */
import { strict as assert } from 'node:assert';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { COMMANDS, SETTINGS } from '../../extension/ids';
import { api, eventually, extension, Notifications, resetSettings, run, script, setting } from './support';

// First: later tests print megabytes, which the browser takes long to show.
describe('the output', () => {
  const notifications = new Notifications();
  before(() => notifications.start());
  after(async () => {
    notifications.stop();
    await vscode.commands.executeCommand('workbench.action.closePanel');
  });

  it('links the lines of a joined stack in the output', async () => {
    const failed = await run(script('raises'));
    assert.equal(failed?.end?.kind, 'failed');
    await vscode.commands.executeCommand(COMMANDS.showOutput);
    const output = await eventually('the output is open', () =>
      vscode.workspace.textDocuments.find(
        (document) =>
          document.uri.scheme === 'output' && /divide .*raises\.conductor\.py:5/.test(document.getText()),
      ),
    );
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      output.uri,
    );
    const targets = links.map(({ target }) => `${target?.path}#${target?.fragment}`);
    assert.ok(targets.includes(`${script('raises').path}#L5`), targets.join('\n'));
  });
});

for (const host of ['embedded', 'subprocess'] as const) {
  describe(`scripts in the ${host} host`, () => {
    const notifications = new Notifications();
    let folder: string;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'symphony-in-host-'));
      await setting(SETTINGS.host, host);
    });
    after(async () => {
      await resetSettings();
      rmSync(folder, { recursive: true });
    });
    beforeEach(() => notifications.start());
    afterEach(() => notifications.stop());

    it('runs a script, which reaches the editor', async () => {
      const out = join(folder, 'hello.json');
      const record = await run(script('hello'), [out]);
      assert.deepEqual(record?.end, { kind: 'exited', exitCode: 0 });
      const told = JSON.parse(readFileSync(out, 'utf8'));
      assert.equal(told.pid === process.pid, host === 'embedded');
      assert.deepEqual(told.argv, [out]);
      assert.equal(told.name, '__main__');
      assert.equal(notifications.find(/hello from the script/).level, 'showWarningMessage');
      assert.equal((await api()).state.kind, 'idle');
      const traceFile = record.bridge.info.traceFile;
      assert.ok(traceFile !== null && existsSync(traceFile), 'there is a trace');
    });

    it('begins one run when two are asked for while Python starts', async () => {
      // A change of a setting: the next run starts Python anew.
      await setting(SETTINGS.traceFile, join(folder, `${host}.symtrace`));
      const outs = ['first', 'second'].map((name) => join(folder, `${host}-${name}.json`));
      const [first, second] = await Promise.all(outs.map((out) => run(script('hello'), [out])));
      await setting(SETTINGS.traceFile, undefined);
      assert.deepEqual(first?.end, { kind: 'exited', exitCode: 0 });
      assert.equal(second, undefined);
      assert.deepEqual(outs.map(existsSync), [true, false]);
      notifications.find(/hello\.conductor\.py is still running/);
    });

    it('runs the tour', async () => {
      const tour = join(extension().extensionPath, 'examples', 'tour.conductor.py');
      const record = await run(vscode.Uri.file(tour));
      assert.deepEqual(record?.end, { kind: 'exited', exitCode: 0 }, JSON.stringify(notifications.shown));
      const report = vscode.window.activeTextEditor?.document;
      assert.equal(report?.languageId, 'markdown');
      assert.match(report?.uri.path ?? '', /tour of Python/i);
      assert.equal(report?.isDirty, false);
    });

    it('tells an exception with its place and opens the line', async () => {
      notifications.press = 'Go to Line';
      const record = await run(script('raises'));
      assert.equal(record?.end?.kind, 'failed');
      const shown = notifications.find(/ZeroDivisionError: division by zero/);
      assert.equal(shown.level, 'showErrorMessage');
      assert.deepEqual(shown.buttons, ['Go to Line', 'Open Trace', 'Show Output']);
      const { stack } = (record.end as { error: Error }).error;
      assert.match(stack ?? '', /divide.*raises\.conductor\.py:5/);
      const editor = await eventually('the line is shown', () => {
        const active = vscode.window.activeTextEditor;
        return active?.document.uri.fsPath === script('raises').fsPath ? active : undefined;
      });
      assert.equal(editor.selection.active.line, 4);
    });

    it('tells a syntax error with its line', async () => {
      const broken = join(folder, 'broken.conductor.py');
      writeFileSync(broken, 'print("fine")\ndef broken(:\n    pass\n');
      const record = await run(vscode.Uri.file(broken));
      assert.equal(record?.end?.kind, 'failed');
      assert.match(notifications.find(/broken\.conductor\.py failed: SyntaxError/).text, /line 2|:2/);
    });

    it('tells an exit code', async () => {
      const record = await run(script('exits'));
      assert.deepEqual(record?.end, { kind: 'exited', exitCode: 3 });
      assert.equal(notifications.find(/exit code 3/).level, 'showWarningMessage');
    });

    it('takes 10 MB of output', async () => {
      const record = await run(script('prints'));
      assert.deepEqual(record?.end, { kind: 'exited', exitCode: 0 });
    });

    it('stops an endless loop within a second, and the next run works', async () => {
      const running = run(script('loops'));
      const workbench = await api();
      await eventually('it runs', () => workbench.state.kind === 'running');
      await new Promise((resolve) => setTimeout(resolve, 300));
      const began = performance.now();
      await vscode.commands.executeCommand(COMMANDS.stop);
      const took = performance.now() - began;
      assert.deepEqual((await running)?.end, { kind: 'stopped' });
      assert.ok(took < 1000, `${took.toFixed(0)} ms`);
      assert.deepEqual((await run(script('hello'), [join(folder, 'after.json')]))?.end, {
        kind: 'exited',
        exitCode: 0,
      });
    });

    it('tells that the Pit home cannot be written', async () => {
      const file = join(folder, 'a-file');
      writeFileSync(file, '');
      const home = join(file, 'home');
      // A process keeps the home it began with, so in this one the script names another.
      if (host === 'subprocess') await setting(SETTINGS.pitHome, home);
      const record = await run(script('usespit'), host === 'embedded' ? [home] : []);
      await setting(SETTINGS.pitHome, undefined);
      assert.equal(record?.end?.kind, 'failed');
      assert.match(notifications.find(/usespit\.conductor\.py failed/).text, /a-file\/home/);
      const writable = await run(script('usespit'), [join(folder, 'home')]);
      assert.deepEqual(writable?.end, { kind: 'exited', exitCode: 0 });
    });
  });
}

describe('crashes, scripts that cannot be stopped, interpreters', () => {
  const notifications = new Notifications();
  beforeEach(() => notifications.start());
  afterEach(async () => {
    notifications.stop();
    await resetSettings();
  });

  it('outlives a script that crashes its process, and the next run works', async () => {
    await setting(SETTINGS.host, 'subprocess');
    const record = await run(script('crashes'));
    assert.equal(record?.end?.kind, 'failed');
    assert.match(notifications.find(/crashes\.conductor\.py failed/).text, /SIGSEGV|crashed/);
    assert.deepEqual((await run(script('exits')))?.end, { kind: 'exited', exitCode: 3 });
  });

  it('goes on in a subprocess when a script in this process cannot be stopped', async () => {
    await setting(SETTINGS.host, 'embedded');
    notifications.press = 'Run in a Subprocess';
    const workbench = await api();
    const running = run(script('sleeps'));
    await eventually('it runs', () => workbench.state.kind === 'running');
    const first = workbench.lastRun;
    await new Promise((resolve) => setTimeout(resolve, 300));
    const began = performance.now();
    await vscode.commands.executeCommand(COMMANDS.stop);
    const took = performance.now() - began;
    assert.equal((await running)?.end?.kind, 'abandoned');
    assert.ok(took < 1500, `it is reported after ${took.toFixed(0)} ms`);
    notifications.find(/sleeps\.conductor\.py could not be stopped/);
    const second = await eventually('it runs again', () =>
      workbench.state.kind === 'running' && workbench.lastRun !== first ? workbench.lastRun : undefined,
    );
    assert.equal(second.bridge.kind, 'subprocess');
    await vscode.commands.executeCommand(COMMANDS.stop);
    assert.deepEqual(second.end, { kind: 'stopped' });
  });

  it('tells an interpreter that is not there, and one that is no Python', async () => {
    for (const [python, message] of [
      ['/nowhere/python', /\/nowhere\/python/],
      ['/bin/ls', /\/bin\/ls/],
    ] as const) {
      await setting(SETTINGS.python, python);
      assert.equal(await run(script('hello'), ['/dev/null']), undefined);
      const shown = notifications.find(message);
      assert.ok(shown.buttons.includes('Select Interpreter'), JSON.stringify(shown));
      assert.equal((await api()).state.kind, 'error');
      notifications.shown.length = 0;
    }
  });

  it('runs no interpreter that is still being typed, and takes a path with blanks around it', async () => {
    const python = join(extension().extensionPath, '.venv', 'bin', 'python');
    const folder = mkdtempSync(join(tmpdir(), 'symphony-typing-'));
    const half = join(folder, 'half-typed');
    writeFileSync(half, `#!/bin/sh\ntouch ${folder}/ran\n`, { mode: 0o755 });
    const { window } = vscode as { window: Record<string, unknown> };
    const { showQuickPick, showInputBox } = window;
    window.showQuickPick = async (items: Promise<vscode.QuickPickItem[]>) =>
      (await items).find(({ label }) => /Enter path/.test(label));
    window.showInputBox = async ({ validateInput }: vscode.InputBoxOptions) => {
      assert.equal(await validateInput?.(half), undefined);
      return `  ${python} `;
    };
    try {
      await vscode.commands.executeCommand(COMMANDS.selectInterpreter);
      assert.equal(existsSync(join(folder, 'ran')), false);
      assert.equal(vscode.workspace.getConfiguration().get(SETTINGS.python), python);
    } finally {
      Object.assign(window, { showQuickPick, showInputBox });
      rmSync(folder, { recursive: true });
    }
  });

  it('writes the interpreter that is selected, and refuses one that does not work', async () => {
    const python = join(extension().extensionPath, '.venv', 'bin', 'python');
    await vscode.commands.executeCommand(COMMANDS.selectInterpreter, python);
    assert.equal(vscode.workspace.getConfiguration().get(SETTINGS.python), python);
    await vscode.commands.executeCommand(COMMANDS.selectInterpreter, '/nowhere/python');
    notifications.find(/The interpreter was not changed/);
    assert.equal(vscode.workspace.getConfiguration().get(SETTINGS.python), python);
  });
});
