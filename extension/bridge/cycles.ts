/**
 * Purpose: finds objects of TypeScript and Python that hold each other over the border, on demand.
 * Threads: JavaScript main thread, which stands still while V8 looks at the heap.
 * Must not know: frames, how either heap is looked at.
 *
 * A handle holds its object for the other side. So a TypeScript object that Python holds, and that leads to a Python
 * object which leads back, is kept by that ring alone: neither collector sees all of it. What something outside the
 * ring holds as well is no part of the report; it is once that lets go.
 */
import { type Lead, leadsOf } from './heapGraph';
import { labelOf } from './members';
import type { Ref } from './pyRef';

/** Python's half. */
export const CYCLES = 'symphony_bridge._cycles:held_by_typescript';

/** An object of a cycle, and how it leads to the next one. */
export interface CycleStep {
  language: 'typescript' | 'python';
  /** Number of its handle, in the table of the language that it is of. */
  handle: number;
  /** Name of a function or class, or the type in Python. */
  type: string;
  /** `file:line` that handed it over, where that is known. */
  site: string | null;
  /** In TypeScript variables, properties and elements; in Python the types of the objects on the way, both ends included. */
  path: readonly string[];
}

/** What holds itself over the border. */
export interface Cycle {
  /** Alternately of TypeScript and Python; the last one leads to the first. */
  steps: readonly CycleStep[];
}

/** What was found. */
export interface CycleReport {
  /** One per group of objects that hold each other: the shortest way round. */
  cycles: readonly Cycle[];
  /** False when Python had too many objects to look at all of them. */
  complete: boolean;
}

/** The values that Python holds, by their handle, and the tables that do so. */
export interface Holds {
  values: ReadonlyMap<number, { value: unknown }>;
  tables: readonly object[];
}

/** Python's answer. */
interface PythonHalf {
  objects: { handle: number; type: string; site: string | null; leads: PythonLead[] }[];
  complete: boolean;
}

interface PythonLead {
  handle: number;
  site: string | null;
  path: string[];
}

/** A step and where it leads, by the key of the next object. */
interface Link {
  step: CycleStep;
  to: string;
}

/**
 * Looks for cycles; after the searches that are under way: what these hold meanwhile would count as held.
 * @param refs the Python objects that are held, which nobody else must hold for this
 * @param ask asks Python's half for the handles
 * @throws BridgeError `unsupported` when the heap is too large; else what `ask` throws
 */
export function findCycles(
  holds: Holds,
  refs: () => Ref[],
  ask: (handles: number[]) => Promise<unknown>,
): Promise<CycleReport> {
  const report = lastSearch.then(() => search(holds, refs, ask));
  lastSearch = report.then(forget, forget);
  return report;
}

/** Ends with the search, but has nothing of what it found. */
let lastSearch: Promise<void> = Promise.resolve();
const forget = (): void => {};

async function search(
  holds: Holds,
  refs: () => Ref[],
  ask: (handles: number[]) => Promise<unknown>,
): Promise<CycleReport> {
  const handles = [...holds.values.keys()];
  if (handles.length === 0) return { cycles: [], complete: true };
  const ours = await ourLeads(holds, handles, refs);
  const reached = [...ours.values()].flat().map(({ target }) => (target as Ref).handle);
  if (reached.length === 0) return { cycles: [], complete: true };
  const theirs = (await ask([...new Set(reached)])) as PythonHalf;
  return { cycles: rings(linksOf(holds, ours, theirs)), complete: theirs.complete };
}

async function ourLeads(
  { values, tables }: Holds,
  handles: readonly number[],
  targets: () => Ref[],
): Promise<Map<number, Lead[]>> {
  const ask = (): unknown[] => handles.map((handle) => values.get(handle)?.value);
  const leads = await leadsOf({ values: ask, targets, tables });
  return new Map(handles.map((handle, index) => [handle, leads[index]]));
}

function linksOf(holds: Holds, ours: ReadonlyMap<number, Lead[]>, theirs: PythonHalf): Map<string, Link[]> {
  const links = new Map<string, Link[]>();
  const sites = new Map<number, string | null>();
  for (const { handle, type, site, leads } of theirs.objects) {
    const made = leads.map((lead) => {
      sites.set(lead.handle, lead.site);
      const step: CycleStep = { language: 'python', handle, type, site, path: lead.path };
      return { step, to: `typescript ${lead.handle}` };
    });
    links.set(`python ${handle}`, made);
  }
  for (const [handle, leads] of ours) {
    const type = labelOf(holds.values.get(handle)?.value);
    const site = sites.get(handle) ?? null;
    const made = leads.map(({ target, path }) => {
      const step: CycleStep = { language: 'typescript', handle, type, site, path };
      return { step, to: `python ${(target as Ref).handle}` };
    });
    links.set(`typescript ${handle}`, made);
  }
  return links;
}

/** The shortest way round for each object of TypeScript's that is not on one already. */
function rings(links: ReadonlyMap<string, Link[]>): Cycle[] {
  const told = new Set<string>();
  const found: Cycle[] = [];
  for (const start of links.keys()) {
    if (!start.startsWith('typescript') || told.has(start)) continue;
    const steps = wayBack(start, links);
    if (!steps) continue;
    for (const { language, handle } of steps) told.add(`${language} ${handle}`);
    found.push({ steps });
  }
  return found;
}

function wayBack(start: string, links: ReadonlyMap<string, Link[]>): CycleStep[] | null {
  const cameBy = new Map<string, { from: string; step: CycleStep }>();
  const queue = [start];
  for (const from of queue) {
    for (const { step, to } of links.get(from) ?? []) {
      if (cameBy.has(to)) continue;
      cameBy.set(to, { from, step });
      if (to === start) return stepsTo(start, cameBy);
      queue.push(to);
    }
  }
  return null;
}

function stepsTo(start: string, cameBy: ReadonlyMap<string, { from: string; step: CycleStep }>): CycleStep[] {
  const steps: CycleStep[] = [];
  let at = start;
  do {
    const came = cameBy.get(at);
    if (!came) break;
    steps.push(came.step);
    at = came.from;
  } while (at !== start);
  return steps.reverse();
}
