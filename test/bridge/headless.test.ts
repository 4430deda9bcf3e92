/** The headless runner as a user meets it: output, summary, exit codes, Ctrl+C, bad input. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTraceFile } from '../../extension/conductor/traceFile';
import { spanAt } from '../../extension/protocol/trace/model';
import { HOSTS, SCRIPTS, scratchFolder } from './bothHosts';
import { type Ended, Program } from './children';
import { TEST_PYTHON } from './testPython';

const script = (name: string): string => join(SCRIPTS, `${name}.conductor.py`);

function start(args: readonly string[]): { program: Program; folder: string } {
  const folder = scratchFolder();
  const all = TEST_PYTHON && !args.includes('--python') ? [...args, '--python', TEST_PYTHON] : args;
  return { program: new Program('extension/conductor/cli.ts', all, {}, folder), folder };
}

async function run(...args: string[]): Promise<Ended & { folder: string }> {
  const { program, folder } = start(args);
  return { ...(await program.ended), folder };
}

/** Every trace file below a folder. */
function traces(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.symtrace'));
}

for (const host of HOSTS) {
  test(`${host}: a run tells interpreter, output and summary`, async () => {
    const ended = await run(script('asks'), '--host', host, '--trace', 'run.symtrace');
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, /^Python 3\.\d+\.\d+ \(\/.+\), (embedded in this process|in a child process)/);
    assert.match(ended.stdout, /\[ask\] Publish\? no.*\nanswer False\n/);
    assert.match(ended.stdout, /Summary: exit code 0 after /);
    assert.match(ended.stdout, /crossings {2}\d+\n(.*\n)*? {4}typescript → python +1 {2}p50 \d/);
    assert.match(ended.stdout, /python → typescript +1 {2}p50 \d/);
    assert.match(ended.stdout, /errors {5}0\n {2}leaks {6}none\n {2}trace {6}\/.*run\.symtrace\n$/);
    assert.equal(ended.stderr, '');
    const trace = readTraceFile(join(ended.folder, 'run.symtrace'));
    assert.equal(spanAt(trace, 0).name, 'run asks.conductor.py');
  });

  test(`${host}: the exit code is the script's`, async () => {
    const ended = await run(script('exits'), '--host', host);
    assert.equal(ended.code, 3);
    assert.match(ended.stdout, /trace {6}.*\.symphony\/exits\.conductor\.symtrace/);
    assert.deepEqual(traces(ended.folder), ['.symphony/exits.conductor.symtrace']);
  });

  test(`${host}: an exception is told as one story`, async () => {
    const ended = await run(script('raises'), '--host', host, '--no-trace');
    assert.equal(ended.code, 1);
    assert.match(
      ended.stderr,
      /PythonError \[ZeroDivisionError\]: division by zero[\s\S]+raises\.conductor\.py:5/,
    );
    assert.match(ended.stdout, /exit code 1/);
    assert.deepEqual(traces(ended.folder), []);
  });

  test(`${host}: 10 MB of output pass through`, async () => {
    const ended = await run(script('prints'), '--host', host, '--no-trace');
    assert.equal(ended.code, 0, ended.stderr);
    assert.ok(ended.stdout.length > 10_000 * 1024);
  });

  test(`${host}: Ctrl+C stops an endless loop at once`, async () => {
    const { program } = start([script('loops'), '--host', host]);
    await program.saw(/looping/);
    const began = Date.now();
    program.child.kill('SIGINT');
    const ended = await program.ended;
    assert.equal(ended.code, 130, ended.stderr);
    assert.ok(Date.now() - began < 2000, `${Date.now() - began} ms`);
    assert.match(ended.stdout, /Summary: exit code 130/);
  });

  test(`${host}: a Pit home that cannot be written is named, with the next step`, async () => {
    const file = join(scratchFolder(), 'taken');
    writeFileSync(file, 'a file where a folder should be');
    const ended = await run(script('usespit'), '--host', host, '--pit-home', join(file, 'pit'));
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /PitError/);
    assert.match(ended.stderr, /taken/);
    assert.match(ended.stderr, /hint: /);
  });
}

test('subprocess: a crash is told, with what Python was doing', async () => {
  const ended = await run(script('crashes'), '--host', 'subprocess');
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /SIGSEGV[\s\S]+crashes\.conductor\.py:5/);
  assert.match(ended.stdout, /Summary: exit code 1/);
});

test('embedded: Ctrl+C abandons what nothing can end in this process, and says where it waits', async () => {
  const { program } = start([script('sleeps'), '--host', 'embedded', '--no-trace']);
  await program.saw(/sleeping/);
  program.child.kill('SIGINT');
  const ended = await program.ended;
  assert.equal(ended.code, 130, ended.stderr);
  assert.match(ended.stderr, /sleeps\.conductor\.py", line 6[\s\S]+hint: .*subprocess/);
  assert.match(ended.stdout, /Summary: exit code 130 after .*\n {2}abandoned {2}nothing could end/);
});

test('subprocess: Ctrl+C ends what takes no hint', async () => {
  const { program } = start([script('deaf'), '--host', 'subprocess']);
  await program.saw(/looping/);
  program.child.kill('SIGINT');
  assert.equal((await program.ended).code, 130);
});

test('wrong interpreters are refused with the next step', async () => {
  for (const path of ['/nowhere/python', '/bin/ls', '/tmp']) {
    const ended = await run(script('exits'), '--python', path);
    assert.equal(ended.code, 1);
    assert.ok(ended.stderr.includes(path) && /hint: /.test(ended.stderr), ended.stderr);
  }
});

test('wrong command lines get the usage', async () => {
  for (const args of [[], ['--host', 'moon', 'a.py'], ['a.py', '--wrong']]) {
    const ended = await run(...args);
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /Usage: npm run conductor/);
  }
  const help = await run('--help');
  assert.deepEqual([help.code, help.stderr], [0, '']);
  assert.match(help.stdout, /^Usage/);
});

test('a script that is not there', async () => {
  const ended = await run('nothing.py', '--host', 'subprocess');
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /there is no script .*nothing\.py/);
});
