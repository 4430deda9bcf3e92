#!/usr/bin/env node
// `npm test`: the set-up, then every suite, with its budget beside its time; the last line has the totals. `-- NAME…` runs only
// the named suites, `--full` (npm run test:full) adds the long forms. With CI=true a skipped test is a failure.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { main } from './lib/main.mjs';
import { at, root } from './lib/paths.mjs';
import { exitOf, StepError } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';
import { suites, sum } from './lib/suites.mjs';

const results = at('test', 'results');
// A busy machine may be slow; a suite that hangs has to end all the same.
const patience = 3;
const mayNotSkip = process.env.CI === 'true';

main(async () => {
  const full = argv.includes('--full');
  const names = argv.slice(2).filter((word) => !word.startsWith('--'));
  await setUp({ development: true, server: true, browser: true });
  const all = await suites({ full });
  const unknown = names.filter((name) => !all.some((suite) => suite.name === name));
  if (unknown.length > 0)
    throw new StepError(`No such suite: ${unknown}; there are ${all.map((s) => s.name)}`);
  console.log('');
  mkdirSync(results, { recursive: true });

  const counts = [];
  for (const suite of all) {
    if (names.length === 0 || names.includes(suite.name)) counts.push(await perform(suite, full));
  }
  const { passed, failed, skipped } = sum(counts);
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || passed === 0 || (mayNotSkip && skipped > 0) ? 1 : 0;
});

async function perform(suite, full) {
  const built = (await suite.prepare?.()) ?? [];
  const began = performance.now();
  const { output, code, isLate } = await run({ ...suite, args: [...suite.args, ...built] }, full);
  const seconds = (performance.now() - began) / 1000;
  const log = at('test', 'results', `${suite.name}.log`);
  writeFileSync(log, output);
  const counts = suite.count(output);
  // A suite that broke off says nothing of the tests it did not reach: that is a failure of its own.
  if ((code !== 0 && counts.failed === 0) || counts.passed + counts.failed === 0) counts.failed += 1;
  const good = counts.failed === 0 && !(mayNotSkip && counts.skipped > 0);
  const figures = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
  const budget = `${seconds.toFixed(1).padStart(6)} s of ${suite.minutes} min`;
  console.log(`${good ? '✓' : '✗'} ${suite.name.padEnd(8)} ${budget}   ${figures}`);
  if (isLate) console.log(`  stopped after ${patience} times its budget`);
  else if (seconds > suite.minutes * 60) console.log('  over its budget');
  if (!good) console.log(`${indented(output)}\n  the whole output: ${log.slice(root.length + 1)}`);
  return counts;
}

/** Runs the suite in a process group of its own, so that nothing of it outlives its budget or Ctrl+C. */
async function run({ command, args, env, minutes }, full) {
  const child = spawn(command, args, {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...(full ? { SYMPHONY_FULL: '1' } : {}), ...env, NO_COLOR: '1', FORCE_COLOR: '0' },
  });
  let output = '';
  const collect = (chunk) => {
    output += chunk;
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  let isLate = false;
  const end = (signal) => () => signalGroup(child.pid, signal);
  const timers = [
    setTimeout(
      () => {
        isLate = true;
        end('SIGTERM')();
      },
      patience * minutes * 60_000,
    ),
    setTimeout(end('SIGKILL'), patience * minutes * 60_000 + 8000),
  ];
  const interrupt = () => {
    end('SIGTERM')();
    process.exitCode = 130;
    setTimeout(() => process.exit(130), 4000).unref();
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const code = await exitOf(child);
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  timers.forEach(clearTimeout);
  end('SIGKILL')();
  return { output, code, isLate };
}

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing of the suite is left.
  }
}

const indented = (text) =>
  text
    .trimEnd()
    .split('\n')
    .slice(-80)
    .map((line) => `    ${line}`)
    .join('\n');
