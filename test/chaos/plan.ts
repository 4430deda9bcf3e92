/**
 * Purpose: which fault happens in which cycle: the same for the same seed.
 * Threads: any.
 * Must not know: what a fault does.
 */

/** One cycle, before it is run. */
export interface PlannedCycle {
  readonly index: number;
  readonly fault: string;
  /** How many cycles with this fault come before it: what goes through all cases takes the next one. */
  readonly turn: number;
  /** For delays and bytes of this cycle alone, so that cycles beside each other do not disturb each other's. */
  readonly random: () => number;
}

/** Every fault comes once, in random order, before one comes again. */
export function planOf(seed: number, cycles: number, faults: readonly string[]): PlannedCycle[] {
  const random = randomFrom(seed);
  const turns = new Map<string, number>();
  const planned: PlannedCycle[] = [];
  let bag: string[] = [];
  for (let index = 0; index < cycles; index++) {
    if (bag.length === 0) bag = [...faults];
    const [fault] = bag.splice(Math.floor(random() * bag.length), 1);
    const turn = turns.get(fault) ?? 0;
    turns.set(fault, turn + 1);
    planned.push({ index, fault, turn, random: randomFrom(Math.floor(random() * 2 ** 32)) });
  }
  return planned;
}

/** Mulberry32, a small generator by Tommy Ettinger: uniform numbers from 0 to 1. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
