/** Several bridges of one process: what they share, and what stays a bridge's own. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTraceFile } from '../../extension/conductor/traceFile';
import { openForTest, recordOutput, scratchFolder } from './bothHosts';

// First, while the interpreter of this process takes what it is started with.
test('a child inherits neither the trace file nor the Pit home of the embedded host', async (t) => {
  const traceFile = join(scratchFolder(), 'embedded.symtrace');
  const embedded = await openForTest(t, 'embedded', { traceFile });
  const { ino } = statSync(traceFile);
  const child = await openForTest(t, 'subprocess', { traceFile: null, pitHome: null });
  assert.equal(child.info.traceFile, null);
  assert.equal(await child.call('os:environ.get', ['SYMPHONY_TRACE']), null);
  assert.equal(await child.call('os:environ.get', ['SYMPHONY_PIT_HOME']), null);
  assert.equal(statSync(traceFile).ino, ino);
  assert.equal(readTraceFile(traceFile).pid, embedded.info.pid);
});

test('embedded: functions and listeners end with the bridge that brought them', async (t) => {
  const first = await openForTest(t, 'embedded');
  const second = await openForTest(t, 'embedded');
  const ask = () => first.call('symphony_bridge.host:editor.who');
  first.expose('editor', { who: () => 'first' });
  second.expose('editor', { who: () => 'second' });
  assert.equal(await ask(), 'second');
  const heard = recordOutput(second);
  await second.close();
  assert.equal(await ask(), 'first');
  await first.call('builtins:print', ['after the end']);
  assert.equal(heard.stdout, '');
});

test('embedded: a line is told once after a bridge was closed and opened again beside another', async (t) => {
  const lines: string[] = [];
  const listen = (text: string) => void lines.push(text);
  await openForTest(t, 'embedded');
  const before = await openForTest(t, 'embedded');
  before.onDidOutput(({ text }) => listen(text));
  await before.close();
  const after = await openForTest(t, 'embedded');
  after.onDidOutput(({ text }) => listen(text));
  await after.call('builtins:print', ['once']);
  assert.equal(lines.join(''), 'once\n');
});

test('embedded: stopping one host twice leaves the others alone', async (t) => {
  const first = await openForTest(t, 'embedded');
  const second = await openForTest(t, 'embedded');
  await second.host.stop();
  await second.host.stop();
  assert.equal(second.running, false);
  assert.equal(first.running, true);
  assert.equal(await first.call('builtins:abs', [-7]), 7);
});

test('embedded: a bridge that was closed comes back with a restart, its functions too', async (t) => {
  await openForTest(t, 'embedded');
  const bridge = await openForTest(t, 'embedded');
  bridge.expose('editor', { who: () => 'back' });
  await bridge.close();
  await bridge.restart();
  assert.equal(await bridge.call('symphony_bridge.host:editor.who'), 'back');
});
