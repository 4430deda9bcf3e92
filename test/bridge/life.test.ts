/** How processes end, crash and start again, and that nothing is left of them. */
import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BridgeClosed, type BridgeError } from '../../extension/bridge/errors';
import { runScript } from '../../extension/conductor/runScript';
import { HOSTS, openForTest, recordOutput, rejection, SCRIPTS, scratchFolder } from './bothHosts';
import { isAlive, isGoneWithin, Program, socketFolders } from './children';

/** Runs the life program with a temporary folder of its own. */
function live(host: string, ending: string): { program: Program; temporary: string } {
  const temporary = join(scratchFolder(), 'tmp');
  mkdirSync(temporary);
  return {
    program: new Program('test/bridge/lifeProgram.ts', [host, ending], { TMPDIR: temporary }),
    temporary,
  };
}

const endings: [string, number][] = [
  ['close', 0],
  ['forget', 0],
  ['exit-7', 7],
  ['exit-in-flight', 0],
  ['exit-spinning', 0],
  ['throw', 1],
  ['worker', 0],
];

for (const host of HOSTS) {
  for (const [ending, code] of endings) {
    test(`${host}: a process that ends by "${ending}" ends at once and leaves nothing`, async () => {
      const { program, temporary } = live(host, ending);
      const [, pid] = await program.saw(/pid (\d+) sum 42/);
      const began = Date.now();
      const ended = await program.ended;
      assert.deepEqual([ended.code, ended.signal], [code, null], ended.stderr);
      assert.ok(Date.now() - began < 5000);
      assert.ok(await isGoneWithin(Number(pid), 2000), 'the child is gone');
      assert.deepEqual(socketFolders(temporary), []);
    });
  }
}

for (const ending of ['wait', 'wait-spinning']) {
  test(`subprocess: a child does not outlive a killed parent (${ending})`, async () => {
    const { program, temporary } = live('subprocess', ending);
    const [, pid] = await program.saw(/pid (\d+) sum 42/);
    assert.ok(isAlive(Number(pid)));
    await delay(100);
    program.child.kill('SIGKILL');
    await program.ended;
    assert.ok(await isGoneWithin(Number(pid), 2000), 'the child is gone');
    assert.deepEqual(socketFolders(temporary), []);
  });
}

test('subprocess: a crash fails calls in flight with what is known, and a restart works', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const exits: unknown[] = [];
  bridge.onDidExit(({ expected, signal }) => exits.push({ expected, signal }));
  const { pid } = bridge.info;
  const bystander = rejection(bridge.call('time:sleep', [30]));
  const error = (await rejection(bridge.call('bridge_fixture:null_pointer'))) as BridgeError;
  assert.equal(error.code, 'crashed');
  assert.match(error.message, /SIGSEGV/);
  assert.ok(error.hint);
  assert.ok(
    error.notes.some((note) => /Segmentation fault/.test(note)),
    error.stack,
  );
  assert.match(String(error.stack), /TypeScript[\s\S]+life\.test\.ts[\s\S]+Python[\s\S]+null_pointer/);
  assert.equal(((await bystander) as BridgeError).code, 'crashed');
  assert.equal(bridge.running, false);
  assert.ok(await isGoneWithin(pid, 1000));
  await bridge.restart();
  assert.equal(await bridge.call('math:floor', [2.5]), 2);
  assert.notEqual(bridge.info.pid, pid);
  assert.deepEqual(exits, [{ expected: false, signal: 'SIGSEGV' }]);
});

test('subprocess: after a script that crashes, the next run starts a new process by itself', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const error = (await rejection(runScript(bridge, join(SCRIPTS, 'crashes.conductor.py')))) as BridgeError;
  assert.equal(error.code, 'crashed');
  assert.ok(
    error.frames.some(({ file, line }) => file.endsWith('crashes.conductor.py') && line === 5),
    error.stack,
  );
  assert.equal((await runScript(bridge, join(SCRIPTS, 'exits.conductor.py'))).exitCode, 3);
});

test('subprocess: a process that ends by itself is told as such', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const error = (await rejection(bridge.call('os:_exit', [9]))) as BridgeError;
  assert.equal(error.code, 'crashed');
  assert.match(error.message, /exit code 9/);
});

test('subprocess: processes that a script started end with it', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const child = await bridge.callRef('subprocess:Popen', [['sleep', '60']]);
  const pid = await bridge.call<number>('builtins:getattr', [child, 'pid']);
  assert.ok(isAlive(pid));
  await bridge.close();
  assert.ok(await isGoneWithin(pid, 2000));
});

test('subprocess: a child that ignores the end is forced', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const { pid } = bridge.info;
  const busy = rejection(runScript(bridge, join(SCRIPTS, 'deaf.conductor.py')));
  await delay(200);
  const began = Date.now();
  await bridge.close();
  assert.ok(Date.now() - began < 5000);
  assert.ok((await busy) instanceof BridgeClosed);
  assert.ok(await isGoneWithin(pid, 1000));
});

test('subprocess: stderr of a child is passed on and its end kept', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const output = recordOutput(bridge);
  const error = (await rejection(
    bridge.call('builtins:exec', ["import os\nos.write(2, b'x' * 300000 + b'the end')\nos._exit(1)"]),
  )) as BridgeError;
  const tail = String(error.details?.stderrTail);
  assert.equal(tail.length, 64 * 1024);
  assert.ok(tail.endsWith('the end'));
  assert.equal(output.stderr.length, 300_007);
});

test('embedded: a second bridge shares the interpreter; another Python is refused', async (t) => {
  const first = await openForTest(t, 'embedded');
  const second = await openForTest(t, 'embedded');
  assert.equal(second.host.session, first.host.session);
  // An environment of the same interpreter is another Python.
  const folder = scratchFolder();
  const other = join(folder, 'bin', 'python');
  const interpreter = realpathSync(first.info.executable);
  mkdirSync(dirname(other));
  symlinkSync(interpreter, other);
  writeFileSync(join(folder, 'pyvenv.cfg'), `home = ${dirname(interpreter)}\n`);
  const refused = (await rejection(openForTest(t, 'embedded', { python: other }))) as BridgeError;
  assert.equal(refused.code, 'embedding-fixed', refused.stack);
  assert.ok(refused.hint);
  await first.close();
  assert.ok((await rejection(first.call('math:floor', [2.5]))) instanceof BridgeClosed);
  assert.equal(await second.call('math:floor', [2.5]), 2);
  await second.close();
  assert.ok((await rejection(second.call('math:floor', [2.5]))) instanceof BridgeClosed);
});
