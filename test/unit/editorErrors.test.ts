/** Errors of running and debugging in the editor: each that a person may see has a code and a next step. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { BridgeError, ERROR_CODES } from '../../extension/bridge/errors';
import { ConductorAdapter } from '../../extension/debug/adapter';
import type { Message, Request } from '../../extension/debug/dap';
import type { Debuggee } from '../../extension/debug/debuggee';
import { ServerLink } from '../../extension/debug/serverLink';
import { BridgeOwner } from '../../extension/workbench/bridgeOwner';
import { Runs } from '../../extension/workbench/runs';
import { StateHolder } from '../../extension/workbench/state';

/** The error is the bridge's, with this code, and its hint says what to do. */
function coded(code: string, hint: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof BridgeError, String(error));
    assert.equal(error.code, code);
    assert.match(String(error.tellingHint), hint);
    return true;
  };
}

const child: Debuggee = {
  pid: 1,
  internalPaths: [],
  connectDebugger: () => new Promise(() => {}),
  run: () => new Promise(() => {}),
  kill: async () => {},
};

/** An adapter, and what it answers to a request. */
function session(starting: Promise<Debuggee> = Promise.resolve(child)) {
  const delivered: Message[] = [];
  const adapter = new ConductorAdapter(
    () => starting,
    (message) => delivered.push(message),
  );
  async function answer(command: string, args?: unknown) {
    adapter.handle({ seq: 1, type: 'request', command, arguments: args } as Request);
    for (;;) {
      const found = delivered.findIndex(
        (message) => message.type === 'response' && (message as DebugProtocol.Response).command === command,
      );
      if (found >= 0) return delivered.splice(found, 1)[0] as DebugProtocol.ErrorResponse;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { adapter, answer };
}

const NO_DEBUG = { program: '/ws/a.conductor.py', noDebug: true };

test('regression: what the debugger refuses has a code and a next step', async () => {
  const refused: readonly [command: string, args: unknown, code: string, said: RegExp][] = [
    ['attach', {}, 'launch-invalid', /does not attach\nWrite "request": "launch"/],
    ['launch', {}, 'launch-invalid', /names no "program"\nGive "program"/],
    ['launch', { program: 'a.py', args: 'b' }, 'launch-invalid', /no list of strings\nWrite each/],
    ['configurationDone', {}, 'not-debugging', /nothing was launched\nStart/],
    ['evaluate', {}, 'not-debugging', /"evaluate" needs a running debug session\nStart/],
  ];
  for (const [command, args, code, said] of refused) {
    const { success, message, body } = await session().answer(command, args);
    assert.equal(success, false);
    assert.match(String(message), said);
    assert.equal(body.error?.variables?.code, code);
    assert.doesNotMatch(String(body.error?.format), /[{}]/);
  }
  const { adapter, answer } = session();
  assert.equal((await answer('launch', NO_DEBUG)).success, true);
  assert.match(String((await answer('launch', NO_DEBUG)).message), /has a script already\nStart another/);
  await adapter.dispose();
});

test('regression: a session that ends while it starts is cancelled, and says what to do', async () => {
  let arrive!: (child: Debuggee) => void;
  const { adapter, answer } = session(new Promise((resolve) => (arrive = resolve)));
  const launched = answer('launch', NO_DEBUG);
  const ended = adapter.dispose();
  arrive(child);
  await ended;
  const { message, body } = await launched;
  assert.equal(body.error?.variables?.code, 'cancelled');
  assert.match(String(message), /ended while it started\nStart it again/);
});

test('regression: a debugger that does not come, or goes away, is told with a code', async () => {
  const failed = coded('debugger-failed', /Start the session again/);
  const lonely = await ServerLink.listen(() => undefined);
  await assert.rejects(lonely.request('threads'), failed);
  await assert.rejects(lonely.accept(20), failed);
  const waiting = lonely.accept(20_000);
  lonely.close();
  await assert.rejects(waiting, coded('cancelled', /Start it again/));
  const link = await ServerLink.listen(() => undefined);
  const stranger = connect(link.address.port, link.address.host);
  link.accept(20_000).catch(() => {});
  await once(stranger, 'data');
  const request = link.request('threads');
  stranger.destroy();
  await assert.rejects(request, failed);
  link.close();
});

test('regression: a second run and a closed workbench are told with a code', async () => {
  const never = { current: undefined, get: () => new Promise<never>(() => {}) };
  const runs = new Runs(never, new StateHolder());
  void runs.run('/ws/a.conductor.py');
  await assert.rejects(
    runs.run('/ws/b.conductor.py'),
    coded('script-running', new RegExp(ERROR_CODES['script-running'])),
  );
  const owner = new BridgeOwner({ options: async () => ({}), opened: () => {} });
  await owner.close();
  await assert.rejects(owner.get(), coded('closed', /Reload the window/));
});
