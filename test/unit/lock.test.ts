/** The lock of the set-up, between processes. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const folder = mkdtempSync(join(tmpdir(), 'symphony-lock-'));
const lock = join(folder, 'test.lock');
const journal = join(folder, 'journal');
after(() => rmSync(folder, { recursive: true }));

const LOCK = pathToFileURL(join(__dirname, '..', '..', 'scripts', 'lib', 'lock.mjs')).href;
const PROGRAM = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
const { withLock } = await import(${JSON.stringify(LOCK)});
const [name, folder, until] = process.argv.slice(1);
await withLock('test', async () => {
  appendFileSync(folder + '/journal', name + ' in\\n');
  if (until) while (!existsSync(until)) await delay(5);
  else await delay(20);
  appendFileSync(folder + '/journal', name + ' out\\n');
}, folder);
`;

/** A process that takes the lock and keeps it until the file `until` is there, or for a moment. */
function taker(name: string, until = ''): { child: ChildProcess; ended: Promise<number | null> } {
  const args = ['--input-type=module', '-e', PROGRAM, '--', name, folder, until];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  return { child, ended: new Promise((done) => child.once('close', (code) => done(code))) };
}

const written = (): string[] => readFileSync(journal, 'utf8').split('\n').filter(Boolean);

async function until(check: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!check()) {
    assert.ok(Date.now() < deadline, written().join(', '));
    await new Promise((done) => setTimeout(done, 5));
  }
}

test('a lock whose file is still empty is not free', async () => {
  writeFileSync(journal, '');
  const go = join(folder, 'go');
  const first = taker('first', go);
  await until(() => written().includes('first in'));
  // As the file is for a moment, before its owner has written its name.
  writeFileSync(lock, '');
  const second = taker('second');
  await new Promise((done) => setTimeout(done, 700));
  assert.deepEqual(written(), ['first in']);
  writeFileSync(go, '');
  assert.deepEqual(await Promise.all([first.ended, second.ended]), [0, 0]);
  assert.deepEqual(written(), ['first in', 'first out', 'second in', 'second out']);
});

test('of several that find the lock of a dead process, one at a time goes on', async () => {
  writeFileSync(journal, '');
  const dead = taker('dead', join(folder, 'never'));
  await until(() => written().includes('dead in'));
  dead.child.kill('SIGKILL');
  await dead.ended;
  const takers = ['a', 'b', 'c', 'd'].map((name) => taker(name));
  assert.deepEqual(await Promise.all(takers.map(({ ended }) => ended)), [0, 0, 0, 0]);
  const [, ...steps] = written();
  assert.equal(steps.length, 8);
  for (let i = 0; i < steps.length; i += 2) {
    assert.equal(steps[i].replace(' in', ' out'), steps[i + 1], steps.join(', '));
  }
});
