/** The small parts of hosts: restarts, crash reports, kept output, summary, command line. */
import assert from 'node:assert/strict';
import type { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Emitter } from '../../extension/bridge/emitter';
import { BridgeClosed } from '../../extension/bridge/errors';
import { ChildProcess } from '../../extension/conductor/childProcess';
import { crashError, startError } from '../../extension/conductor/crash/crashErrors';
import { faultStacks } from '../../extension/conductor/crash/faultStacks';
import { readArguments, UsageError } from '../../extension/conductor/headless/arguments';
import type { ConductorHost, HostExit } from '../../extension/conductor/host';
import { SocketServer } from '../../extension/conductor/socketServer';
import { formatSummary } from '../../extension/conductor/summary';
import { Supervisor } from '../../extension/conductor/supervisor';
import { TailBuffer } from '../../extension/conductor/tailBuffer';

/** A host that is as alive as the test says. */
class StandInHost {
  readonly exits = new Emitter<HostExit>();
  readonly onDidExit = this.exits.on;
  running = true;
  starts = 0;
  session = {};

  crash(): void {
    this.running = false;
    this.exits.fire({ expected: false, exitCode: null, signal: 'SIGSEGV', stderrTail: '' });
  }

  async restart(): Promise<void> {
    await null;
    this.running = true;
    this.starts += 1;
  }

  async stop(): Promise<void> {
    this.running = false;
  }
}

function supervise() {
  const host = new StandInHost();
  const clock = { now: 0 };
  const policy = { crashes: 2, windowMs: 1000, firstDelayMs: 1, longestDelayMs: 2 };
  const supervisor = new Supervisor(host as unknown as ConductorHost, policy, () => clock.now);
  return { host, clock, supervisor };
}

test('a crashed host starts again when it is needed, once for all who wait', async () => {
  const { host, supervisor } = supervise();
  assert.equal(await supervisor.ready(), host.session);
  assert.equal(host.starts, 0);
  host.crash();
  await Promise.all([supervisor.ready(), supervisor.ready(), supervisor.ready()]);
  assert.equal(host.starts, 1);
});

test('a host that keeps crashing is left alone until a person restarts it, or time passes', async () => {
  const { host, clock, supervisor } = supervise();
  const phases: string[] = [];
  supervisor.onDidChangePhase((phase) => phases.push(phase));
  for (let i = 0; i < 2; i++) {
    host.crash();
    await supervisor.ready();
  }
  host.crash();
  await assert.rejects(supervisor.ready(), { code: 'crash-loop' });
  assert.equal(host.starts, 2);
  assert.equal(phases.at(-1), 'given-up');
  await supervisor.restart();
  assert.equal(phases.at(-1), 'running');
  assert.equal(host.starts, 3);
  for (let i = 0; i < 3; i++) host.crash();
  clock.now = 5000;
  await supervisor.ready();
  assert.equal(host.starts, 4);
});

test('regression: who stops a host again waits for its end, too', async () => {
  const { host, supervisor } = supervise();
  let ended = false;
  host.stop = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    ended = true;
  };
  void supervisor.stop();
  await supervisor.stop();
  assert.equal(ended, true);
});

test('a stopped host stays stopped', async () => {
  const { host, supervisor } = supervise();
  await supervisor.stop();
  await assert.rejects(supervisor.ready(), BridgeClosed);
  assert.equal(host.starts, 0);
});

const FAULT = `some output
Fatal Python error: Segmentation fault

Thread 0x00007f0000000001 (most recent call first):
  File "/other.py", line 1 in other

Current thread 0x00007f0000000002 (most recent call first):
  File "/lib/ctypes/__init__.py", line 519 in string_at
  File "/ws/crash.py", line 5 in crash
  File "/ws/crash.py", line 9 in <module>

Extension modules: x (total: 1)
`;

test('the report of a crash has the frames of the thread that crashed', () => {
  const [first, second] = faultStacks(FAULT);
  assert.deepEqual([first.faulting, first.thread], [true, '0x00007f0000000002']);
  assert.deepEqual(
    first.frames.map((frame) => `${frame.function} ${frame.line}`),
    ['<module> 9', 'crash 5', 'string_at 519'],
  );
  assert.deepEqual([second.faulting, second.frames[0].file], [false, '/other.py']);
  assert.deepEqual(faultStacks('nothing of the kind'), []);
  const error = crashError({ exitCode: null, signal: 'SIGSEGV', stderrTail: FAULT });
  assert.equal(error.code, 'crashed');
  assert.match(error.message, /SIGSEGV/);
  assert.equal(error.frames.at(-1)?.line, 519);
  assert.ok(error.hint && error.notes.length > 0);
  assert.match(crashError({ exitCode: 3, signal: null, stderrTail: '' }).message, /exit code 3/);
  assert.match(
    startError('/x/python', { exitCode: 1, signal: null, stderrTail: 'no module' }).message,
    /exit code 1/,
  );
});

test('the tail of a stream is its last bytes', () => {
  const tail = new TailBuffer(8);
  assert.equal(tail.toString(), '');
  for (const text of ['abc', 'def', 'ghi']) tail.push(Buffer.from(text));
  assert.equal(tail.toString(), 'bcdefghi');
  tail.push(Buffer.from('0123456789'));
  assert.equal(tail.toString(), '23456789');
});

test('draining ends although something is printed in every turn', async () => {
  const command = { file: '/bin/sleep', args: ['60'], cwd: '/', env: {}, firstLine: '' };
  const child = new ChildProcess(command);
  // What a pipe delivers, at a pace that no machine can disturb.
  const { stdout } = (child as unknown as { child: { stdout: EventEmitter } }).child;
  const print = (): void => {
    stdout.emit('data', Buffer.from('on and on\n'));
    turn = setImmediate(print);
  };
  let turn = setImmediate(print);
  try {
    const late = delay(5000, 'still draining', { ref: false });
    assert.equal(await Promise.race([child.drain().then(() => 'drained'), late]), 'drained');
  } finally {
    clearImmediate(turn);
    await child.kill();
  }
});

test('regression: many children in one process do not make Node warn of a leak', async () => {
  const before = process.listenerCount('exit');
  const servers = await Promise.all(Array.from({ length: 12 }, () => SocketServer.listen()));
  assert.ok(process.listenerCount('exit') <= before + 1);
  for (const server of servers) server.close();
  assert.equal(process.listenerCount('exit'), before);
});

test('the command line', () => {
  const read = (...args: string[]) => readArguments(args);
  assert.deepEqual(read('a.py'), {
    script: 'a.py',
    args: [],
    host: 'auto',
    python: undefined,
    trace: undefined,
    pitHome: undefined,
    limits: { seconds: undefined, mebibytes: undefined },
  });
  const limited = read('a.py', '--host', 'subprocess', '--time-limit', '1.5', '--memory-limit', '512');
  assert.deepEqual(limited?.limits, { seconds: 1.5, mebibytes: 512 });
  assert.throws(() => read('a.py', '--time-limit', 'soon'), /--time-limit is soon/);
  assert.throws(() => read('a.py', '--memory-limit', '512'), /needs --host subprocess/);
  const full = read('a.py', '--host', 'embedded', '--trace', 't', '--python', 'p', '--', '--flag', 'x');
  assert.deepEqual(
    [full?.host, full?.trace, full?.python, full?.args],
    ['embedded', 't', 'p', ['--flag', 'x']],
  );
  assert.equal(read('a.py', '--no-trace')?.trace, null);
  assert.equal(read('--help'), null);
  assert.throws(() => read(), UsageError);
  assert.throws(() => read('a.py', '--host', 'moon'), /--host is moon/);
  assert.throws(() => read('a.py', '--unknown'), UsageError);
});

test('the summary tells of a script that was abandoned', () => {
  const facts = { trace: null, leaks: [], traceFile: null, exitCode: 130, tookMs: 900 };
  assert.deepEqual(
    formatSummary({ ...facts, end: 'abandoned' })
      .split('\n')
      .slice(0, 2),
    ['Summary: exit code 130 after 900 ms', '  abandoned  nothing could end the script inside this process'],
  );
  assert.doesNotMatch(formatSummary({ ...facts, end: 'stopped' }), /abandoned/);
});

test('the summary tells crossings, errors, leaks and the file', () => {
  const direction = { from: 'python', to: 'rust', direction: 'python → rust', p99Ns: 9, totalNs: 9 } as const;
  const text = formatSummary({
    trace: {
      durationNs: 1,
      crossings: 2,
      p50Ns: 1,
      directions: [{ ...direction, count: 2, errors: 1, p50Ns: 1234 }],
      errors: 1,
      dropped: 0,
      loss: { overwritten: 0, noRing: 0, names: 0, halfSpans: 0, damaged: 0 },
    },
    leaks: [{ id: 1, kind: 'lease', name: 'embedder', site: '/ws/a.py:8' }],
    traceFile: '/ws/t.symtrace',
    end: 'exited',
    exitCode: 0,
    tookMs: 1234,
  });
  assert.equal(
    text,
    [
      'Summary: exit code 0 after 1.2 s',
      '  crossings  2',
      '    python → rust        2  p50 1.23 µs  1 failed',
      '  errors     1',
      '  leaks      1',
      '    lease embedder  /ws/a.py:8',
      '  trace      /ws/t.symtrace',
    ].join('\n'),
  );
});
