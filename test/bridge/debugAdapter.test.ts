/** The debug adapter as a client drives it: a real child, the real debugpy, no editor. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { openBridge } from '../../extension/conductor/openBridge';
import { ConductorAdapter } from '../../extension/debug/adapter';
import { startChildDebuggee } from '../../extension/debug/childDebuggee';
import { isGoneWithin } from './children';
import { DebugClient } from './debugClient';

type Stopped = DebugProtocol.StoppedEvent['body'];
type Exited = DebugProtocol.ExitedEvent['body'];

const root = join(__dirname, '..', '..');
const fixture = (name: string): string => join(root, 'test', 'fixtures', 'debug', `${name}.conductor.py`);
const sessions: ConductorAdapter[] = [];

after(async () => {
  await Promise.all(sessions.map((session) => session.dispose()));
});

function startSession(): DebugClient {
  const client = new DebugClient();
  const adapter = new ConductorAdapter(
    (launch, events) => startChildDebuggee({ open: openBridge, root }, launch, events),
    client.receive,
  );
  sessions.push(adapter);
  client.connect(adapter);
  return client;
}

/** The pid of the child, from the `process` event. */
async function childPid(client: DebugClient): Promise<number> {
  return (await client.next<DebugProtocol.ProcessEvent['body']>('process')).systemProcessId ?? 0;
}

async function assertGone(pid: number): Promise<void> {
  assert.ok(await isGoneWithin(pid, 3000), `process ${pid} is left behind`);
}

test('a breakpoint stops, variables show, steps step, the script goes on to its end', async () => {
  const client = startSession();
  const program = fixture('steps');
  await client.launch({ program }, [12]);
  const pid = await childPid(client);

  const { reason, threadId } = await client.next<Stopped>('stopped');
  assert.equal(reason, 'breakpoint');
  const [top, ...below] = await client.stack(threadId ?? 0);
  assert.deepEqual([top.name, top.line, top.source?.path], ['main', 12, program]);
  assert.deepEqual(
    below.map(({ name }) => name),
    ['<module>'],
    'frames of the bridge do not show',
  );
  const locals = await client.locals(top.id);
  assert.deepEqual([locals.get('number'), locals.get('total')], ['0', '0']);
  const { result } = await client.ask<DebugProtocol.EvaluateResponse['body']>('evaluate', {
    expression: 'number + 41',
    frameId: top.id,
    context: 'watch',
  });
  assert.equal(result, '41');

  await client.ask('stepIn', { threadId });
  assert.equal((await client.next<Stopped>('stopped')).reason, 'step');
  const [inside] = await client.stack(threadId ?? 0);
  assert.deepEqual([inside.name, inside.line], ['double', 5]);
  await client.ask('next', { threadId });
  assert.equal((await client.next<Stopped>('stopped')).reason, 'step');
  assert.equal((await client.stack(threadId ?? 0))[0].line, 6);
  await client.ask('stepOut', { threadId });
  await client.next<Stopped>('stopped');
  assert.equal((await client.stack(threadId ?? 0))[0].name, 'main');

  await client.ask('setBreakpoints', { source: { path: program }, breakpoints: [] });
  await client.ask('continue', { threadId });
  assert.equal((await client.next<Exited>('exited')).exitCode, 0);
  await client.next('terminated');
  assert.match(client.outputText(), /total 6/);
  await assertGone(pid);
});

test('an exception that nobody handles stops at its line; going on ends with the joined stack', async () => {
  const client = startSession();
  await client.launch({ program: fixture('raises') }, []);
  const pid = await childPid(client);
  const { reason, threadId, text } = await client.next<Stopped>('stopped');
  assert.deepEqual([reason, text], ['exception', 'ZeroDivisionError']);
  const stack = await client.stack(threadId ?? 0);
  assert.deepEqual(
    stack.map(({ name, line }) => [name, line]),
    [
      ['divide', 5],
      ['<module>', 8],
    ],
  );
  const info = await client.ask<DebugProtocol.ExceptionInfoResponse['body']>('exceptionInfo', { threadId });
  assert.equal(info.description, 'division by zero');
  await client.ask('continue', { threadId });
  assert.equal((await client.next<Exited>('exited')).exitCode, 1);
  await client.next('terminated');
  assert.match(client.outputText(), /division by zero/);
  assert.match(client.outputText(), /raises\.conductor\.py:5/);
  await assertGone(pid);
});

test('stopOnEntry stops at the first line of the script', async () => {
  const client = startSession();
  await client.launch({ program: fixture('steps'), stopOnEntry: true }, []);
  const { reason, threadId } = await client.next<Stopped>('stopped');
  assert.equal(reason, 'entry');
  const [top] = await client.stack(threadId ?? 0);
  assert.deepEqual([top.name, top.line], ['<module>', 1]);
  await client.ask('disconnect', { terminateDebuggee: true });
  await client.next('terminated');
});

test('disconnect ends the child while it is stopped, and while it loops', async () => {
  for (const breakpoints of [[12], []]) {
    const client = startSession();
    const program = breakpoints.length > 0 ? fixture('steps') : fixture('loops');
    await client.launch({ program }, breakpoints);
    const pid = await childPid(client);
    await client.next(breakpoints.length > 0 ? 'stopped' : 'output');
    const began = performance.now();
    await client.ask('disconnect', { terminateDebuggee: true });
    assert.ok(performance.now() - began < 1000, 'the end takes less than a second');
    await client.next('terminated');
    await assertGone(pid);
  }
});

test('pause stops a loop', async () => {
  const client = startSession();
  await client.launch({ program: fixture('loops') }, []);
  await client.next('output');
  const { threads } = await client.ask<DebugProtocol.ThreadsResponse['body']>('threads');
  const main = threads.find(({ name }) => name === 'MainThread');
  assert.ok(main, `a main thread among ${threads.map(({ name }) => name)}`);
  assert.ok(!threads.some(({ name }) => name === 'conductor-control'), 'the control thread is not shown');
  await client.ask('pause', { threadId: main.id });
  assert.equal((await client.next<Stopped>('stopped')).reason, 'pause');
  await client.ask('terminate');
  await client.next('terminated');
});

test('a breakpoint in a thread of a pool stops there', async () => {
  const client = startSession();
  await client.launch({ program: fixture('threads') }, [7]);
  const { reason, threadId } = await client.next<Stopped>('stopped');
  assert.equal(reason, 'breakpoint');
  const [top] = await client.stack(threadId ?? 0);
  assert.deepEqual([top.name, top.line], ['work', 7]);
  await client.ask('disconnect', { terminateDebuggee: true });
});

test('sys.exit ends the session with its code, arguments and environment arrive', async () => {
  const client = startSession();
  const program = fixture('exits');
  await client.launch(
    { program, args: ['a b', 'ü'], env: { SYMPHONY_TEST_WORD: 'given' }, cwd: dirname(program) },
    [],
    [],
  );
  assert.equal((await client.next<Exited>('exited')).exitCode, 3);
  await client.next('terminated');
  assert.match(client.outputText(), /\['a b', 'ü'\] given .*fixtures\/debug/);
});

test('noDebug runs the script without debugpy', async () => {
  const client = startSession();
  await client.launch({ program: fixture('steps'), noDebug: true }, [12]);
  assert.equal((await client.next<Exited>('exited')).exitCode, 0);
  assert.match(client.outputText(), /total 6/);
});

test('a script that is no Python, and one that is not there, say so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'symphony-debug-'));
  const broken = join(folder, 'broken.conductor.py');
  writeFileSync(broken, 'def broken(:\n    pass\n');
  try {
    for (const [program, message] of [
      [broken, /SyntaxError/],
      [join(folder, 'absent.conductor.py'), /absent\.conductor\.py/],
    ] as const) {
      const client = startSession();
      await client.launch({ program }, [], []);
      assert.equal((await client.next<Exited>('exited')).exitCode, 1);
      assert.match(client.outputText(), message);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an interpreter that is not there refuses the launch with the reason', async () => {
  const client = startSession();
  await client.ask('initialize', { adapterID: 'conductor' });
  const response = await client.send('launch', { program: fixture('steps'), python: '/nowhere/python' });
  assert.equal(response.success, false);
  assert.match(response.message ?? '', /\/nowhere\/python/);
  await client.next('terminated');
});

test('an interpreter without debugpy uses the one that came with the set-up', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'symphony-debug-'));
  const ours = join(root, '.venv', 'bin', 'python');
  execFileSync(ours, ['-m', 'venv', '--without-pip', folder]);
  try {
    const client = startSession();
    await client.launch({ program: fixture('steps'), python: join(folder, 'bin', 'python') }, [12]);
    const { threadId } = await client.next<Stopped>('stopped');
    const [top] = await client.stack(threadId ?? 0);
    const { result } = await client.ask<DebugProtocol.EvaluateResponse['body']>('evaluate', {
      expression: '[path for path in __import__("sys").path if path.endswith("site-packages")]',
      frameId: top.id,
    });
    assert.ok(result.includes(folder) && !result.includes(join(root, '.venv')), result);
    await client.ask('disconnect', { terminateDebuggee: true });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a launch without program and an attach are refused with the next step', async () => {
  const client = startSession();
  await client.ask('initialize', { adapterID: 'conductor' });
  assert.match((await client.send('attach', {})).message ?? '', /"request": "launch"/);
  assert.match((await client.send('launch', {})).message ?? '', /names no "program"/);
});

test('a child that dies ends the session and says how', async () => {
  const client = startSession();
  await client.launch({ program: fixture('loops') }, []);
  const pid = await childPid(client);
  await client.next('output');
  process.kill(pid, 'SIGKILL');
  await client.next('terminated');
  assert.match(client.outputText(), /SIGKILL/);
});

test('the capabilities stated before the start are those of debugpy', async () => {
  const client = startSession();
  await client.launch({ program: fixture('steps') }, []);
  await client.next('terminated');
  const corrections = client.events.filter(({ event }) => event === 'capabilities');
  assert.deepEqual(corrections, []);
});
