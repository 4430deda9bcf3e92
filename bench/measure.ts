/**
 * Measuring: the best of many short runs, which is what the code costs when nothing disturbs it. One thread; what is
 * measured must be warm, so the first runs are thrown away.
 */

/** How long one measurement may take, milliseconds. */
const BUDGET_MS = 400;
/** The same for what a bar depends on, ours and its peers: so that a busy machine has a quiet moment in it. */
export const BARRED_MS = 2000;
/** A run is repeated inside one sample until it takes this long: the clock then does not matter. */
const SAMPLE_NS = 200_000;
const MIN_SAMPLES = 20;
const COLD_CALLS = 100;

/** Nanoseconds of one `work()`. */
export function best(work: () => unknown, budgetMs = BUDGET_MS): number {
  // The first calls load, compile and look up what later ones find.
  for (let i = 0; i < COLD_CALLS; i++) work();
  let repeat = 1;
  while (sample(work, repeat) * repeat < SAMPLE_NS) repeat *= 2;
  let lowest = Number.POSITIVE_INFINITY;
  const end = performance.now() + budgetMs;
  for (let i = 0; i < MIN_SAMPLES || performance.now() < end; i++) {
    lowest = Math.min(lowest, sample(work, repeat));
  }
  return lowest;
}

/** Nanoseconds of one awaited `work()`. */
export async function bestAsync(work: () => Promise<unknown>, budgetMs = BUDGET_MS * 2): Promise<number> {
  const repeat = 50;
  for (let i = 0; i < 10; i++) await sampleAsync(work, repeat);
  let lowest = Number.POSITIVE_INFINITY;
  const end = performance.now() + budgetMs;
  for (let i = 0; i < MIN_SAMPLES || performance.now() < end; i++) {
    lowest = Math.min(lowest, await sampleAsync(work, repeat));
  }
  return lowest;
}

/** Nanoseconds of one `work()` with a thousand of them in flight. */
export async function pipelined(work: () => Promise<unknown>, budgetMs = BUDGET_MS * 5): Promise<number> {
  const atOnce = 1000;
  const thousand = (): Promise<unknown> => Promise.all(Array.from({ length: atOnce }, work));
  await thousand();
  let lowest = Number.POSITIVE_INFINITY;
  const end = performance.now() + budgetMs;
  for (let i = 0; i < MIN_SAMPLES || performance.now() < end; i++) {
    lowest = Math.min(lowest, (await sampleAsync(thousand, 5)) / atOnce);
  }
  return lowest;
}

function sample(work: () => unknown, repeat: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < repeat; i++) work();
  return Number(process.hrtime.bigint() - start) / repeat;
}

async function sampleAsync(work: () => Promise<unknown>, repeat: number): Promise<number> {
  const start = process.hrtime.bigint();
  for (let i = 0; i < repeat; i++) await work();
  return Number(process.hrtime.bigint() - start) / repeat;
}
