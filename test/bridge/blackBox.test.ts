/** What is known after a crash: processes that really crash, and the next start that looks at what they left. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BlackBox } from '../../extension/conductor/crash/blackBox';
import { reportText } from '../../extension/conductor/crash/reportText';
import { readTraceFile } from '../../extension/conductor/traceFile';
import { openForTest, rejection, SCRIPTS, scratchFolder } from './bothHosts';
import { Program } from './children';

const PROGRAM = 'test/bridge/crashProgram.ts';

function program(folder: string, ending: string): Program {
  return new Program(PROGRAM, [folder, ending]);
}

function sentinels(folder: string): string[] {
  const below = join(folder, 'crashes', 'embedded');
  return existsSync(below) ? readdirSync(below) : [];
}

function boxOf(folder: string): { box: BlackBox; log: string[]; kept: string[] } {
  const log: string[] = [];
  const kept: string[] = [];
  const box = new BlackBox(join(folder, 'crashes'), (line) => log.push(line));
  box.onDidKeep(({ id }) => kept.push(id));
  return { box, log, kept };
}

test('a child that crashes leaves a report: signal, all stacks, crossings, its recording', async (t) => {
  const folder = scratchFolder();
  const { box, kept } = boxOf(folder);
  const traceFile = join(folder, 'child.symtrace');
  const bridge = await openForTest(t, 'subprocess', { blackBox: box, traceFile, workspace: folder });
  const phases: string[] = [];
  bridge.onDidChangePhase((phase) => phases.push(phase));
  const { pid } = bridge.info;
  const beside = rejection(bridge.call('time:sleep', [30]));
  const secret = rejection(bridge.call('bridge_fixture:fail', ['a secret']));
  await secret;
  await rejection(
    bridge.call('runpy:run_path', [join(SCRIPTS, 'crashes.conductor.py')], { mainThread: true }),
  );
  await beside;
  const report = box.newest();
  assert.ok(report, 'the report is there when the call fails');
  assert.deepEqual(
    [report.host, report.signal, report.exitCode, report.pid],
    ['subprocess', 'SIGSEGV', null, pid],
  );
  assert.match(report.meaning ?? '', /memory that is not its own/);
  assert.ok(report.stacks.length > 1, 'threads beside the one that crashed');
  const [first] = report.stacks;
  assert.ok(first.faulting);
  assert.ok(first.frames.some(({ file, line }) => file.endsWith('crashes.conductor.py') && line === 5));
  assert.deepEqual(
    report.crossings?.underWay.map(({ name }) => name).sort(),
    ['runpy.run_path', 'time.sleep'],
    JSON.stringify(report.crossings),
  );
  assert.ok(report.crossings?.recent.some(({ name, failed }) => /fail/.test(name) && failed));
  assert.equal(report.traceFile && readTraceFile(report.traceFile).pid, pid);
  for (const name of readdirSync(join(folder, 'crashes')))
    assert.equal(statSync(join(folder, 'crashes', name)).mode & 0o077, 0, name);
  assert.doesNotMatch(JSON.stringify(report), /a secret/);
  assert.match(
    reportText(report),
    /SIGSEGV[\s\S]*Thread 0x\w+, which crashed[\s\S]*crashes\.conductor\.py", line 5/,
  );

  // The next start records into the same file.
  assert.equal(await bridge.call('math:floor', [2.5]), 2);
  assert.notEqual(readTraceFile(traceFile).pid, pid);
  assert.equal(report.traceFile && readTraceFile(report.traceFile).pid, pid);
  assert.equal(kept.length, 1);
  assert.deepEqual(phases, ['crashed', 'restarting', 'running']);
});

test('a child that is stopped leaves no report', async (t) => {
  const folder = scratchFolder();
  const { box } = boxOf(folder);
  const bridge = await openForTest(t, 'subprocess', { blackBox: box });
  await bridge.restart();
  await bridge.close();
  assert.equal(box.newest(), undefined);
});

test('after a crash of a process that embeds Python, auto takes a child until somebody wants it back', async (t) => {
  const folder = scratchFolder();
  const ended = await program(folder, 'segfault').ended;
  assert.equal(ended.signal, 'SIGSEGV', ended.stderr);
  const { box, kept } = boxOf(folder);
  const lines: string[] = [];
  const options = { blackBox: box, log: (line: string) => lines.push(line) };
  const bridge = await openForTest(t, 'auto', options);
  assert.equal(bridge.kind, 'subprocess');
  assert.match(bridge.info.reason, /passed over: .*one call was under way .*Try Embedded Again/);
  const report = box.newest();
  assert.deepEqual([report?.host, kept.length], ['embedded', 1]);
  assert.deepEqual(
    report?.crossings?.underWay.map(({ name }) => name),
    ['ctypes.string_at'],
  );
  assert.ok(report?.traceFile && existsSync(report.traceFile));
  assert.match(reportText(report), /one call was under way[\s\S]*typescript → python ctypes\.string_at/);
  assert.deepEqual(sentinels(folder), []);

  const again = await openForTest(t, 'auto', { blackBox: new BlackBox(join(folder, 'crashes')) });
  assert.equal(again.kind, 'subprocess', 'it is remembered');
  assert.equal(box.trustAgain(), 1);
  const back = await openForTest(t, 'auto', options);
  assert.equal(back.kind, 'embedded');
  assert.equal(box.newest()?.id, report.id, 'the report stays');
  await back.close();
  assert.deepEqual(sentinels(folder), []);
});

for (const [ending, suspected] of [
  ['busy', true],
  ['idle', false],
] as const) {
  test(`a process that is killed while Python is ${ending} is ${suspected ? '' : 'not '}suspected`, async () => {
    const folder = scratchFolder();
    const running = program(folder, ending);
    await running.saw(/ready/);
    const { box, log, kept } = boxOf(folder);
    box.settle();
    assert.deepEqual(kept, [], 'it still lives');
    running.child.kill('SIGKILL');
    await running.ended;
    box.settle();
    assert.equal(kept.length, suspected ? 1 : 0, log.join('\n'));
    if (!suspected) assert.match(log.join('\n'), /not at work/);
    assert.deepEqual(sentinels(folder), []);
  });
}

for (const ending of ['close', 'exit', 'worker']) {
  test(`an orderly end (${ending}) leaves nothing to wonder about`, async () => {
    const folder = scratchFolder();
    const ended = await program(folder, ending).ended;
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(sentinels(folder), []);
  });
}

test('of two processes the one that lives is not taken for the one that died', async () => {
  const folder = scratchFolder();
  const [dying, living] = [program(folder, 'busy'), program(folder, 'busy')];
  await Promise.all([dying.saw(/ready/), living.saw(/ready/)]);
  dying.child.kill('SIGKILL');
  await dying.ended;
  // Two that start at once find it, and only one of them tells.
  const [one, other] = [boxOf(folder), boxOf(folder)];
  one.box.settle();
  other.box.settle();
  assert.deepEqual([one.kept.length, other.kept.length], [1, 0]);
  assert.equal(one.box.newest()?.pid, dying.child.pid);
  assert.ok(sentinels(folder).every((name) => name.startsWith(`${living.child.pid}-`)));
  living.child.kill('SIGKILL');
  await living.ended;
});

test('a process that has got the id of a dead one does not hide its end; a reboot is no crash', async () => {
  const folder = scratchFolder();
  const running = program(folder, 'busy');
  await running.saw(/ready/);
  running.child.kill('SIGKILL');
  await running.ended;
  const [name] = sentinels(folder).filter((file) => file.endsWith('.sentinel'));
  const below = join(folder, 'crashes', 'embedded');
  const written = JSON.parse(readFileSync(join(below, name), 'utf8'));
  // Ours has another start.
  writeFileSync(join(below, name), JSON.stringify({ ...written, pid: process.pid }));
  const { box, kept } = boxOf(folder);
  box.settle();
  assert.equal(kept.length, 1);
  for (const change of [{ boot: 'another' }, { machine: 'another', pid: 1 }]) {
    mkdirSync(below, { recursive: true });
    writeFileSync(join(below, name), JSON.stringify({ ...written, ...change }));
    box.settle();
  }
  assert.equal(kept.length, 1);
  assert.deepEqual(sentinels(folder), [name], 'that of another machine is not ours to judge');
});

test('a process that dies while Python is being started in it is suspected', () => {
  const folder = scratchFolder();
  const { box, kept } = boxOf(folder);
  const facts = { key: 'k', interpreter: '/p', version: '3', workspace: '/w', traceFile: null };
  box.sentinel(facts).raise('starting');
  const below = join(folder, 'crashes', 'embedded');
  const [name] = readdirSync(below);
  const written = JSON.parse(readFileSync(join(below, name), 'utf8'));
  writeFileSync(join(below, name), JSON.stringify({ ...written, start: 'earlier' }));
  box.settle();
  assert.equal(kept.length, 1);
  assert.match(box.doubtOf('k')?.why ?? '', /being started/);
  assert.equal(box.doubtOf('another'), undefined);
});
