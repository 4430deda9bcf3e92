/** Crash reports without a crash: their text, what is kept of them, which Pythons are doubted. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CrashFolder } from '../../extension/conductor/crash/crashFolder';
import { Doubts } from '../../extension/conductor/crash/doubts';
import { faultStacks } from '../../extension/conductor/crash/faultStacks';
import { sayExit } from '../../extension/conductor/crash/meaning';
import { reportText } from '../../extension/conductor/crash/reportText';
import { readTraceFile } from '../../extension/conductor/traceFile';
import type { CrashCrossing, CrashReport } from '../../extension/protocol/crashReport';
import { endingOf } from '../../extension/protocol/trace/ending';

const call: CrashCrossing = {
  name: 'run tour.py',
  from: 'typescript',
  to: 'python',
  thread: 'main',
  site: { file: '/ws/run.ts', line: 7 },
  agoNs: 1_500_000,
  tookNs: null,
  failed: false,
};

const report: CrashReport = {
  id: '2026-12-01T00-00-00-000Z-7',
  host: 'subprocess',
  what: "Python's process crashed with SIGSEGV",
  meaning: 'it used memory that is not its own',
  signal: 'SIGSEGV',
  exitCode: null,
  interpreter: '/usr/bin/python3',
  version: '3.11.2',
  pid: 7,
  workspace: '/ws',
  atMs: Date.UTC(2026, 11, 1),
  stacks: [
    {
      thread: '0x1',
      faulting: true,
      frames: [{ language: 'python', function: 'f', file: '/ws/tour.py', line: 3 }],
    },
    { thread: '0x2', faulting: false, frames: [] },
  ],
  crossings: {
    underWay: [call, { ...call, name: 'pool.allocate', from: 'python', to: 'rust', site: null, agoNs: 924 }],
    recent: [
      { ...call, name: 'editor.ask', from: 'python', to: 'typescript', tookNs: 2000, failed: true },
      call,
    ],
  },
  traceFile: null,
};

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'symphony-crash-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('the text of a report tells everything, in the order in which one asks', () => {
  assert.equal(
    reportText(report),
    `Python's process crashed with SIGSEGV: it used memory that is not its own.

time         2026-12-01T00:00:00.000Z
host         subprocess
process      7
signal       SIGSEGV
exit code    none
interpreter  /usr/bin/python3 (Python 3.11.2)
workspace    /ws
trace        none

Under way, the innermost call of a thread last
  main
    typescript → python run tour.py at /ws/run.ts:7, begun 1.50 ms before the end
    python → rust pool.allocate, begun 924 ns before the end

Stacks of Python, the innermost call last
  Thread 0x1, which crashed
    File "/ws/tour.py", line 3, in f
  Thread 0x2
    no Python frame

Last crossings, the newest last
  -1.50 ms   python → typescript editor.ask at /ws/run.ts:7, failed after 2.00 µs, in main
  -1.50 ms   typescript → python run tour.py at /ws/run.ts:7, under way, in main
`,
  );
  const embedded = reportText({ ...report, host: 'embedded', signal: null, stacks: [], crossings: null });
  assert.match(embedded, /signal {7}not known[\s\S]*not recorded[\s\S]*end with the extension host/);
});

test('signals and exit codes have a meaning', () => {
  assert.match(sayExit({ signal: 'SIGKILL', exitCode: null }).meaning ?? '', /memory ran out/);
  assert.equal(sayExit({ signal: 'SIGUSR1', exitCode: null }).meaning, null);
  assert.match(sayExit({ signal: null, exitCode: 0 }).meaning ?? '', /os\._exit\(0\)/);
  assert.match(sayExit({ signal: null, exitCode: 139 }).meaning ?? '', /signal 11/);
  assert.match(sayExit({ signal: null, exitCode: 3 }).what, /exit code 3/);
});

test('stacks are read as newer Pythons print them', () => {
  const [first, second] = faultStacks(`Fatal Python error: Segmentation fault

Thread 0x1 [worker] (most recent call first):
  <no Python frame>

Current thread 0x2 [main] (most recent call first):
  File "/a b/x.py", line 3 in <module>

Current thread's C stack trace (most recent call first):
  Binary file "python", at _Py_DumpStack+0x2f
`);
  assert.deepEqual([first.thread, first.faulting, first.frames.length], ['0x2 [main]', true, 1]);
  assert.deepEqual([second.thread, second.frames], ['0x1 [worker]', []]);
});

test('the end of a recording: what was under way, and the last crossings in order', () => {
  const model = readTraceFile(join(__dirname, '..', 'fixtures', 'tour.trace'));
  const { underWay, recent } = endingOf(model, 10);
  // The tour leaves a watcher behind.
  assert.deepEqual(
    underWay.map(({ name, tookNs }) => [name, tookNs]),
    [['watch', null]],
  );
  assert.equal(recent.length, 10);
  assert.ok(recent.every(({ from, to }) => from !== to));
  const ages = recent.map(({ agoNs }) => agoNs);
  assert.deepEqual(
    ages,
    [...ages].sort((a, b) => b - a),
  );
});

test('calls that are open at the end are under way, thread by thread', () => {
  const model = readTraceFile(join(__dirname, '..', 'fixtures', 'tour.trace'));
  const threads = [...new Set(model.spans.thread)];
  assert.ok(threads.length > 1);
  model.spans.end.fill(Number.NaN);
  const { underWay } = endingOf(model, 1);
  const seen = underWay.map(({ thread }) => thread).filter((name, index, all) => name !== all[index - 1]);
  assert.equal(seen.length, new Set(seen).size, 'the calls of a thread stand together');
  assert.ok(underWay.every(({ tookNs }) => tookNs === null));
});

test('the newest reports are kept with their recordings, for nobody but their owner', (t) => {
  const folder = folderFor(t);
  const traceFile = join(folder, 'own.symtrace');
  writeFileSync(traceFile, 'a recording');
  const crashes = new CrashFolder(join(folder, 'kept'));
  assert.equal(crashes.newest(), undefined);
  for (let day = 1; day <= 7; day++) crashes.keep({ ...report, id: `2026-12-0${day}-7`, traceFile });
  const names = readdirSync(crashes.folder);
  assert.equal(names.length, 10);
  for (const name of names) assert.equal(statSync(join(crashes.folder, name)).mode & 0o777, 0o600);
  const newest = crashes.newest();
  assert.equal(newest?.id, '2026-12-07-7');
  assert.equal(newest?.traceFile, join(crashes.folder, '2026-12-07-7.symtrace'));
  rmSync(traceFile);
  assert.ok(newest?.traceFile && statSync(newest.traceFile).size > 0, 'it outlives the one it was made of');
  // Somebody tidied up, or a disk was full.
  rmSync(newest.traceFile);
  writeFileSync(join(crashes.folder, '2026-12-09-7.crash.json'), '{"half');
  assert.deepEqual([crashes.newest()?.id, crashes.newest()?.traceFile], ['2026-12-07-7', null]);
});

test('a doubt holds for its own Python until it is forgotten', (t) => {
  const file = join(folderFor(t), 'doubts.json');
  const doubts = new Doubts(file);
  for (let i = 0; i < 40; i++) doubts.add(`key ${i}`, { atMs: i, why: 'it crashed' });
  assert.equal(doubts.of('key 39')?.atMs, 39);
  assert.equal(doubts.of('key 0'), undefined, 'the oldest make room');
  assert.equal(new Doubts(file).forget(), 32);
  assert.equal(doubts.of('key 39'), undefined);
  assert.equal(doubts.forget(), 0);
});
