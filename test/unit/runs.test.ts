/** Runs of scripts around a Python that is slow to start; bridges are the test's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter } from '../../extension/bridge/emitter';
import { BridgeError, CallCancelled } from '../../extension/bridge/errors';
import type { Health } from '../../extension/conductor/healthWatch';
import type { LiveHandle } from '../../extension/conductor/liveHandles';
import type { Bridge } from '../../extension/conductor/openBridge';
import type { HostPhase } from '../../extension/conductor/supervisor';
import { Runs } from '../../extension/workbench/runs';
import { StateHolder } from '../../extension/workbench/state';

/** Any file is a script to a bridge that runs nothing. */
const SCRIPT = __filename;

class StandInBridge {
  readonly kind = 'embedded';
  readonly info = { pid: 1 };
  readonly host = { drainOutput: async () => {} };
  running = true;
  runs = 0;
  /** What Stop makes of the run. */
  stopped: Error = new CallCancelled('stopped');
  handles: Partial<LiveHandle>[] = [];
  private finish: (() => void) | undefined;
  private readonly healths = new Emitter<Health>();
  readonly onDidChangeHealth = this.healths.on;

  async call(name: string, _args: unknown, options: { signal?: AbortSignal }): Promise<unknown> {
    if (name.endsWith(':handles')) return this.handles;
    this.runs += 1;
    return await new Promise((resolve, reject) => {
      this.finish = () => resolve({ exit_code: 0 });
      options.signal?.addEventListener('abort', () => reject(this.stopped));
    });
  }

  end(): void {
    this.finish?.();
  }

  become(health: Health): void {
    this.healths.fire(health);
  }
}

/** Gives a bridge when the test says so; a new one each time it is asked. */
class StandInOwner {
  current: Bridge | undefined;
  asked = 0;
  readonly made: StandInBridge[] = [];
  private waiting: (() => void)[] = [];

  get(): Promise<Bridge> {
    this.asked += 1;
    return new Promise((resolve) => {
      this.waiting.push(() => {
        const bridge = new StandInBridge();
        this.made.push(bridge);
        this.current = bridge as unknown as Bridge;
        resolve(this.current);
      });
    });
  }

  /** The bridge of that number, once a script runs on it. */
  async running(number: number): Promise<StandInBridge> {
    while (!this.made[number]?.runs) await new Promise((resolve) => setImmediate(resolve));
    return this.made[number];
  }

  start(): void {
    for (const give of this.waiting.splice(0)) give();
  }
}

function workbench() {
  const owner = new StandInOwner();
  const states = new StateHolder();
  return { owner, states, runs: new Runs(owner, states) };
}

/** Enough turns for a file's status and what follows it. */
async function until(check: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!check()) {
    assert.ok(Date.now() < deadline, 'it did not come about');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

test('the second of two runs that begin while Python starts is refused at once', async () => {
  const { owner, runs } = workbench();
  const first = runs.run(SCRIPT);
  assert.equal(runs.busyWith, 'runs.test.ts');
  await assert.rejects(runs.run(SCRIPT), /still running/);
  owner.start();
  await until(() => owner.made[0]?.runs === 1);
  owner.made[0].end();
  assert.deepEqual((await first).end, { kind: 'exited', exitCode: 0 });
  assert.equal(runs.busyWith, undefined);
});

test('whoever connects while a script runs gets its bridge, although the settings changed', async () => {
  const { owner, runs } = workbench();
  const run = runs.run(SCRIPT);
  const early = runs.connect();
  owner.start();
  await until(() => owner.made[0]?.runs === 1);
  // The owner would close the script's bridge and open another one now.
  assert.equal(await runs.connect(), owner.current);
  assert.equal(await early, owner.current);
  assert.equal(owner.asked, 1);
  owner.made[0].end();
  await run;
});

test('a run that is stopped while Python starts never begins', async () => {
  const { owner, states, runs } = workbench();
  const run = runs.run(SCRIPT);
  const stopping = runs.stop();
  assert.equal(states.current.kind, 'stopping');
  owner.start();
  await stopping;
  assert.deepEqual((await run).end, { kind: 'stopped' });
  assert.equal(owner.made[0].runs, 0);
  assert.equal(states.current.kind, 'idle');
});

test('a run that Stop cannot end is abandoned, and the next one begins', async () => {
  const { owner, states, runs } = workbench();
  const run = runs.run(SCRIPT);
  owner.start();
  const abandoned = new BridgeError('does not end', { code: 'abandoned' });
  (await owner.running(0)).stopped = abandoned;
  await runs.stop();
  const record = await run;
  assert.deepEqual(record.end, { kind: 'abandoned', error: abandoned });
  assert.deepEqual(record.errors, [abandoned]);
  assert.equal(states.current.kind, 'abandoned');
  const next = runs.run(SCRIPT);
  owner.start();
  (await owner.running(1)).end();
  assert.equal((await next).end?.kind, 'exited');
  assert.equal(states.current.kind, 'idle');
});

test('a Python that does not start leaves the way free', async () => {
  const states = new StateHolder();
  const refuse = { current: undefined, get: () => Promise.reject(new Error('no Python here')) };
  const runs = new Runs(refuse, states);
  await assert.rejects(runs.run(SCRIPT), /no Python here/);
  assert.equal(runs.busyWith, undefined);
  assert.equal(states.current.kind, 'error');
});

test('who is told of an end may begin the next run', async () => {
  const { owner, runs } = workbench();
  let second: Promise<unknown> | undefined;
  runs.onDidChange((run) => {
    if (run.end !== undefined) second ??= runs.run(SCRIPT);
  });
  const first = runs.run(SCRIPT);
  owner.start();
  await until(() => owner.made[0]?.runs === 1);
  owner.made[0].end();
  await first;
  assert.equal(runs.busyWith, 'runs.test.ts');
  owner.start();
  await until(() => owner.made[1]?.runs === 1);
  owner.made[1].end();
  await second;
});

test('leaks are told with the run that made them, not with every later one', async () => {
  const { owner, runs } = workbench();
  const handle = (id: number, leak: boolean, opened_ns: number) => ({ id, leak, opened_ns });
  const run = runs.run(SCRIPT);
  owner.start();
  await until(() => owner.made[0]?.runs === 1);
  const now = Number(process.hrtime.bigint());
  owner.made[0].handles = [handle(1, true, now - 60e9), handle(2, false, now - 60e9), handle(3, true, now)];
  owner.made[0].end();
  assert.deepEqual(
    (await run).handles.map(({ id }) => id),
    [2, 3],
  );
});

test('a Python that does not answer shows in the state while the script runs', async () => {
  const { owner, states, runs } = workbench();
  const run = runs.run(SCRIPT);
  owner.start();
  await until(() => owner.made[0]?.runs === 1);
  const trouble = (): unknown => (states.current.kind === 'running' ? states.current.trouble : null);
  assert.equal(trouble(), undefined);
  const frames = [{ language: 'python', function: 'wait', file: 'slow.py', line: 7 }] as const;
  const since = new Date(2026, 2, 4, 5, 6, 7);
  owner.made[0].become({ kind: 'stuck', since, stacks: [{ thread: '0x1', current: false, frames }] });
  assert.equal(trouble(), 'Python is stuck in wait (slow.py:7) since 05:06:07');
  owner.made[0].become({ kind: 'silent', since });
  assert.equal(trouble(), "Python's process has not answered since 05:06:07");
  owner.made[0].become({ kind: 'well' });
  assert.equal(trouble(), undefined);
  owner.made[0].become({ kind: 'silent', since });
  owner.made[0].end();
  await run;
  assert.equal(states.current.kind, 'idle');
});

/** A script that runs, the kinds of states seen since, and what tells how its Python fares. */
async function runningScript() {
  const { owner, states, runs } = workbench();
  const seen: string[] = [];
  states.watch(({ kind }) => seen.push(kind));
  const run = runs.run(SCRIPT);
  owner.start();
  const bridge = await owner.running(0);
  const phase = (to: HostPhase) => runs.phaseChanged(bridge as unknown as Bridge, to);
  return { states, seen, run, bridge, phase };
}

test('the state follows a Python that crashes, is started again, and is given up', async () => {
  const { states, seen, run, bridge, phase } = await runningScript();
  phase('crashed');
  assert.equal(seen.at(-1), 'running', 'the end of the run tells it');
  bridge.running = false;
  bridge.end();
  await run;
  assert.equal(states.current.kind, 'crashed');
  phase('restarting');
  bridge.running = true;
  phase('running');
  phase('given-up');
  // Another bridge took its place: of the old one nothing is left to tell.
  phase('running');
  assert.deepEqual(seen.slice(-5), ['crashed', 'restarting', 'idle', 'given-up', 'idle']);
});

test('a run that starts a crashed Python again is shown as running once that is there', async () => {
  const { seen, run, bridge, phase } = await runningScript();
  phase('restarting');
  phase('running');
  bridge.end();
  await run;
  assert.deepEqual(seen.slice(-4), ['running', 'restarting', 'running', 'idle']);
});
