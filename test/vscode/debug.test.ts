/** Debugging a script in the real extension host, through the real debugger of the editor. */
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { COMMANDS, DEBUG_TYPE } from '../../extension/ids';
import { eventually, extension } from './support';

interface DebugMessage {
  type: string;
  event?: string;
  command?: string;
  body?: { reason?: string; threadId?: number; output?: string; exitCode?: number };
}

/** Everything that adapters said since it was made. */
class Probe implements vscode.DebugAdapterTrackerFactory, vscode.Disposable {
  readonly messages: DebugMessage[] = [];
  private readonly registration = vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, this);

  createDebugAdapterTracker(): vscode.DebugAdapterTracker {
    return { onDidSendMessage: (message: DebugMessage) => void this.messages.push(message) };
  }

  async event(name: string): Promise<NonNullable<DebugMessage['body']>> {
    const index = await eventually(`event ${name}`, () => {
      const found = this.messages.findIndex(({ event }) => event === name);
      return found < 0 ? undefined : { found };
    });
    return this.messages.splice(index.found, 1)[0].body ?? {};
  }

  dispose(): void {
    this.registration.dispose();
  }
}

describe('the debugger', () => {
  let probe: Probe;
  const program = (name: string): vscode.Uri =>
    vscode.Uri.file(join(extension().extensionPath, 'test', 'fixtures', 'debug', `${name}.conductor.py`));

  beforeEach(() => {
    probe = new Probe();
  });
  afterEach(async () => {
    await vscode.debug.stopDebugging();
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    await eventually('the session ends', () => vscode.debug.activeDebugSession === undefined);
    probe.dispose();
  });

  it('stops at a breakpoint, shows variables, steps and goes on', async () => {
    const script = program('steps');
    vscode.debug.addBreakpoints([
      new vscode.SourceBreakpoint(new vscode.Location(script, new vscode.Position(11, 0))),
    ]);
    assert.ok(await vscode.commands.executeCommand(COMMANDS.debugScript, script));
    const { reason, threadId } = await probe.event('stopped');
    assert.equal(reason, 'breakpoint');
    const session = vscode.debug.activeDebugSession;
    assert.ok(session);
    const { stackFrames } = await session.customRequest('stackTrace', { threadId });
    assert.deepEqual([stackFrames[0].name, stackFrames[0].line], ['main', 12]);
    const { scopes } = await session.customRequest('scopes', { frameId: stackFrames[0].id });
    const { variables } = await session.customRequest('variables', {
      variablesReference: scopes[0].variablesReference,
    });
    assert.equal(variables.find(({ name }: { name: string }) => name === 'number').value, '0');
    await session.customRequest('next', { threadId });
    assert.equal((await probe.event('stopped')).reason, 'step');
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    await session.customRequest('continue', { threadId });
    assert.equal((await probe.event('exited')).exitCode, 0);
  });

  it('F5 on a script needs no launch.json, and an exception stops', async () => {
    await vscode.window.showTextDocument(program('raises'));
    await vscode.commands.executeCommand('workbench.action.debug.start');
    const { reason } = await probe.event('stopped');
    assert.equal(reason, 'exception');
    const active = vscode.debug.activeDebugSession;
    assert.equal(active?.type, DEBUG_TYPE);
    await vscode.debug.stopDebugging(active);
    await probe.event('terminated');
  });
});
