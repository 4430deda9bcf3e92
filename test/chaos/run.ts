/**
 * `npm run chaos -- [--cycles N] [--seed N] [--lanes N] [--only TEXT] [--json FILE]`: random faults, and what they leave.
 * The same seed means the same faults in the same order. Ends with 1 when anything did not hold.
 *
 * Threads: JavaScript main thread; lanes are bridges beside each other. Linux only.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type CycleOutcome, Lane } from './cycle';
import { faults } from './faults';
import { descriptors, filesBelow, markedAfter, residentBytes } from './leftovers';
import { planOf } from './plan';
import { type ChaosReport, reportOf, textOf } from './report';

interface Options {
  cycles: number;
  seed: number;
  lanes: number;
  only: string;
  json: string | undefined;
}

async function main(): Promise<void> {
  const options = readOptions();
  console.log(`${options.cycles} cycles, seed ${options.seed}, ${options.lanes} lanes`);
  const folder = mkdtempSync(join(tmpdir(), 'chaos-'));
  try {
    const report = await run(options, folder);
    console.log(textOf(report));
    if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
    process.exitCode = report.holds ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readOptions(): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { cycles: text, seed: text, lanes: text, only: text, json: text },
  });
  return {
    cycles: Number(values.cycles ?? 100),
    seed: Number(values.seed ?? Date.now() % 1_000_000),
    lanes: Number(values.lanes ?? 4),
    only: values.only ?? '',
    json: values.json,
  };
}

async function run({ cycles, seed, lanes: count, only }: Options, folder: string): Promise<ChaosReport> {
  const [shared, temporary, notes] = ['work', 'tmp', 'notes'].map((name) => join(folder, name));
  for (const made of [shared, temporary, notes]) mkdirSync(made);
  process.env.TMPDIR = temporary;
  process.env.PYTHONPATH = [join(process.cwd(), 'test', 'fixtures', 'python'), process.env.PYTHONPATH]
    .filter(Boolean)
    .join(delimiter);
  const names = Object.keys(faults).filter((name) => name.includes(only));
  const mark = `${process.pid}-`;
  const lanes = Array.from({ length: count }, (_, i) => new Lane(`${mark}${i}-`, shared, notes));

  // What the first bridges open, keep and write stays: modules, pools, the Pit's and the recorder's files.
  const warmUp = { ...planOf(seed, 1, ['restart'])[0], index: -1 };
  await Promise.all(lanes.map((lane) => lane.run(warmUp)));
  await Promise.all(lanes.map((lane) => lane.close()));
  const before = { descriptors: descriptors(), shared: filesBelow(shared), temporary: filesBelow(temporary) };

  const plan = planOf(seed, cycles, names);
  const outcomes: CycleOutcome[] = [];
  const memory: number[] = [];
  const began = performance.now();
  const waiting = plan[Symbol.iterator]();
  await Promise.all(
    lanes.map(async (lane) => {
      for (const cycle of waiting) {
        const outcome = await lane.run(cycle);
        outcomes.push(outcome);
        if (outcome.failure !== null)
          console.log(`cycle ${outcome.cycle}, ${outcome.fault}: ${outcome.failure}`);
        if (outcomes.length % Math.ceil(cycles / SAMPLES) === 0) memory.push(await residentBytes());
      }
      await lane.close();
    }),
  );
  const seconds = (performance.now() - began) / 1000;

  const processes = await markedAfter(mark, 3000);
  await delay(100);
  return reportOf({
    seed,
    outcomes,
    seconds,
    memory,
    processes,
    descriptors: descriptors() - before.descriptors,
    files: [...added(before.shared, shared), ...added(before.temporary, temporary)],
  });
}

/** How often memory is looked at. */
const SAMPLES = 20;

function added(before: readonly string[], folder: string): string[] {
  const known = new Set(before);
  return filesBelow(folder).filter((path) => !known.has(path));
}

void main();
