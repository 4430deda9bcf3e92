/** Runs of scripts, good and bad, the same for both hosts. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BridgeError, CallCancelled, HostError, PythonError } from '../../extension/bridge/errors';
import type { Bridge } from '../../extension/conductor/openBridge';
import { runScript } from '../../extension/conductor/runScript';
import { onBothHosts, openForTest, recordOutput, rejection, SCRIPTS, scratchFolder } from './bothHosts';

const script = (name: string): string => join(SCRIPTS, `${name}.conductor.py`);

/** Starts a script that prints one line and then waits; resolves once it has printed. */
async function startWaiting(bridge: Bridge, name: string) {
  const controller = new AbortController();
  const printed = new Promise<void>((resolve) => {
    // The end of the line may come on its own.
    bridge.onDidOutput(({ text }) => text.endsWith('\n') && resolve());
  });
  const run = runScript(bridge, script(name), { signal: controller.signal });
  run.catch(() => {});
  await Promise.race([printed, run]);
  return { run, controller };
}

/** Stops it and tells what came of it, and how long that took. */
async function stopTimed({ run, controller }: Awaited<ReturnType<typeof startWaiting>>) {
  const began = performance.now();
  controller.abort();
  const error = await rejection(run);
  return { error, tookMs: performance.now() - began };
}

onBothHosts('a script gets its arguments, its name and its folder', async (bridge) => {
  const output = recordOutput(bridge);
  const result = await runScript(bridge, script('arguments'), { args: ['a', 'b c'] });
  assert.deepEqual(result, { exitCode: 0, leaks: [] });
  assert.equal(output.stdout, "arguments ['a', 'b c']\nname __main__\nbeside me True\n");
});

onBothHosts('a syntax error says where', async (bridge) => {
  const path = join(scratchFolder(), 'broken.conductor.py');
  writeFileSync(path, 'x = 1\ndef broken(:\n    pass\n');
  const error = await rejection(runScript(bridge, path));
  assert.ok(error instanceof PythonError, error.stack);
  assert.equal(error.type, 'SyntaxError');
  assert.deepEqual(
    error.frames.filter(({ language }) => language === 'python').map(({ file, line }) => [file, line]),
    [[path, 2]],
  );
});

onBothHosts('an exception shows the whole way', async (bridge) => {
  const error = await rejection(runScript(bridge, script('raises')));
  assert.ok(error instanceof PythonError, error.stack);
  assert.equal(error.type, 'ZeroDivisionError');
  const python = error.frames.filter(({ language }) => language === 'python');
  assert.deepEqual(
    python.map((frame) => [frame.function, frame.line]),
    [
      ['<module>', 8],
      ['divide', 5],
    ],
  );
});

onBothHosts('sys.exit(3) is an exit code', async (bridge) => {
  assert.equal((await runScript(bridge, script('exits'))).exitCode, 3);
});

onBothHosts('10 MB of output arrive whole', async (bridge) => {
  const output = recordOutput(bridge);
  await runScript(bridge, script('prints'));
  assert.equal(output.stdout.length, 10_000 * 1024);
  assert.ok(output.stdout.startsWith('0.') && output.stdout.endsWith('.\n'));
});

onBothHosts('an endless loop stops within a second, and the next run works', async (bridge) => {
  const { error, tookMs } = await stopTimed(await startWaiting(bridge, 'loops'));
  assert.ok(error instanceof CallCancelled, error.stack);
  assert.ok(tookMs < 1000, `${tookMs} ms`);
  assert.equal((await runScript(bridge, script('exits'))).exitCode, 3);
});

onBothHosts('a script on its own event loop stops and cleans up', async (bridge) => {
  const output = recordOutput(bridge);
  const { error, tookMs } = await stopTimed(await startWaiting(bridge, 'awaits'));
  assert.ok(error instanceof CallCancelled, error.stack);
  assert.ok(tookMs < 1000, `${tookMs} ms`);
  assert.equal(output.stdout, 'waiting\ncleaned up\n');
});

for (const name of ['sleeps', 'deaf']) {
  test(`subprocess: Stop ends ${name}, whatever it does`, async (t) => {
    const bridge = await openForTest(t, 'subprocess');
    const { error, tookMs } = await stopTimed(await startWaiting(bridge, name));
    assert.ok(error instanceof CallCancelled, error.stack);
    assert.ok(tookMs < 1200, `${tookMs} ms`);
    assert.equal((await runScript(bridge, script('exits'))).exitCode, 3);
  });
}

test('embedded: a script that cannot be stopped is given up, and the next run works', async (t) => {
  const bridge = await openForTest(t, 'embedded');
  const path = join(scratchFolder(), 'sleeps.conductor.py');
  writeFileSync(path, 'import time\nprint("sleeping", flush=True)\ntime.sleep(5)\n');
  const controller = new AbortController();
  const run = runScript(bridge, path, { signal: controller.signal });
  setTimeout(() => controller.abort(), 200);
  const error = await rejection(run);
  assert.equal((error as BridgeError).code, 'abandoned', error.stack);
  assert.match(String((error as BridgeError).hint), /subprocess/);
  assert.equal((await runScript(bridge, script('exits'))).exitCode, 3);
});

onBothHosts('an error of an exposed function ends the script with both stacks', async (bridge) => {
  const thrown = new Error('nothing to publish');
  bridge.expose('editor', {
    fail() {
      throw thrown;
    },
  });
  const error = await rejection(runScript(bridge, script('hostfails')));
  assert.ok(error instanceof HostError, error.stack);
  assert.equal(error.original, thrown);
  assert.match(String(error.stack), /hostfails\.conductor\.py:7/);
});

onBothHosts('a handle that outlives its run is a leak with its line', async (bridge) => {
  const { leaks } = await runScript(bridge, script('leaks'));
  assert.equal(leaks.length, 1, JSON.stringify(leaks));
  assert.match(String(leaks[0].site), /leaks\.conductor\.py:8$/);
});

/** A script that says `begun` and then waits for its file `go`. */
function waitingScript(folder: string, name: string, after: string): { path: string; go(): void } {
  const path = join(folder, `${name}.conductor.py`);
  const waits = [
    'import os, sys, time',
    "print('begun', flush=True)",
    `GO = ${JSON.stringify(path)} + '.go'`,
  ];
  writeFileSync(path, [...waits, 'while not os.path.exists(GO): time.sleep(0.005)', after, ''].join('\n'));
  return { path, go: () => writeFileSync(`${path}.go`, '') };
}

/** Resolves once what was printed fits. */
async function printed(output: { stdout: string; stderr: string }, text: RegExp): Promise<void> {
  while (!text.test(output.stdout + output.stderr)) await sleep(5);
}

onBothHosts('what other calls hold is no leak of the script that runs meanwhile', async (bridge) => {
  const output = recordOutput(bridge);
  const { path, go } = waitingScript(
    scratchFolder(),
    'leaky',
    "from symphony_bridge import pit; pit.pool.register('m', dict); LEASE = pit.pool.allocate('m')",
  );
  const run = runScript(bridge, path);
  await printed(output, /begun/);
  const mine = [await bridge.callRef('builtins:object'), await bridge.import('statistics')];
  go();
  const { leaks } = await run;
  assert.deepEqual(
    leaks.map((leak) => leak.kind),
    ['lease'],
    JSON.stringify(leaks),
  );
  assert.equal(mine.length, 2);
});

onBothHosts('a second script waits for its turn', async (bridge) => {
  const output = recordOutput(bridge);
  const folder = scratchFolder();
  const ends = "print(os.path.basename(sys.argv[0]), sys.argv[1:], sys.modules['__main__'].GO == GO)";
  const [first, second] = [waitingScript(folder, 'first', ends), waitingScript(folder, 'second', ends)];
  second.go();
  const runs = [runScript(bridge, first.path, { args: ['1'] })];
  await printed(output, /begun/);
  runs.push(runScript(bridge, second.path, { args: ['2'] }));
  if (bridge.kind === 'embedded') await printed(output, /second\S* waits for first/);
  first.go();
  await Promise.all(runs);
  assert.equal(
    output.stdout,
    "begun\nfirst.conductor.py ['1'] True\nbegun\nsecond.conductor.py ['2'] True\n",
  );
});

onBothHosts('an error of the Pit has a frame of Rust', async (bridge) => {
  const path = join(scratchFolder(), 'pit.conductor.py');
  writeFileSync(path, 'from symphony_bridge import pit\n\npit.pool.allocate("nobody")\n');
  const error = (await rejection(runScript(bridge, path))) as BridgeError;
  assert.equal(error.name, 'PitError', error.stack);
  const last = error.frames.at(-1);
  assert.equal(last?.language, 'rust', error.stack);
  assert.match(String(last?.file), /native\/pit\/src\/.*\.rs$/);
  assert.match(String(error.stack), /TypeScript[\s\S]+Python[\s\S]+Rust/);
});

test('a script that is not there is refused before Python is asked', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const error = (await rejection(runScript(bridge, '/nowhere/at/all.py'))) as BridgeError;
  assert.equal(error.code, 'script-not-found');
  assert.equal(((await rejection(runScript(bridge, SCRIPTS))) as BridgeError).code, 'script-not-found');
});
