/**
 * Purpose: what objects of this heap lead to, and which of them nothing else holds; V8 tells it in a heap snapshot only.
 * Threads: JavaScript main thread, which stands still while V8 takes the snapshot: about a second for 50 MB.
 * Must not know: Python, handles.
 */
import { getHeapSnapshot, getHeapStatistics } from 'node:v8';
import { BridgeError } from './errors';

/** A way from one of the objects asked about to a target. */
export interface Lead {
  target: object;
  /** Variables, properties and elements on the way: `['shelf', '.books', '[0]']`. */
  path: string[];
}

/** What is asked: see `leadsOf`. Functions, because whoever waits for the answer must not hold the objects meanwhile. */
export interface HeapQuestion {
  /** Objects, functions and symbols. */
  values(): unknown[];
  targets(): object[];
  /** Tables whose own hold on the values does not count. */
  tables: readonly object[];
}

/**
 * For each value, in order, the targets that it leads to, closures included. A value that something else than the
 * tables holds leads nowhere here, and so does what lies behind such objects: these are not kept by the value.
 * One question at a time: what another one asks about counts as held.
 * @throws BridgeError `unsupported` when the heap is too large to be looked at
 */
export async function leadsOf({ values, targets, tables }: HeapQuestion): Promise<Lead[][]> {
  if (getHeapStatistics().used_heap_size > MOST_HEAP) {
    throw new BridgeError('this heap is too large for a report of cycles', {
      code: 'unsupported',
      hint: 'Look at a smaller process that does the same.',
    });
  }
  const mark = new SymphonyHeapMark(values(), targets(), tables);
  // On a fresh stack: what the caller's frames hold would count as held by others.
  await new Promise((resolve) => setImmediate(resolve));
  return leadsIn(new HeapGraph(await takeSnapshot()), mark);
}

/** The snapshot is text, several times the heap's size. */
const MOST_HEAP = 512 * 1024 * 1024;

/** Found in the snapshot by its name: all it holds is named by its places in it. */
class SymphonyHeapMark {
  constructor(
    readonly values: readonly unknown[],
    readonly targets: readonly object[],
    readonly tables: readonly object[],
  ) {}
}

async function takeSnapshot(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of getHeapSnapshot()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function leadsIn(graph: HeapGraph, { values: asked, targets }: SymphonyHeapMark): Lead[][] {
  const at = graph.find(SymphonyHeapMark.name);
  const lists = new Map(graph.edges(at).map((edge) => [edge.name, edge.to]));
  const places = (name: string): number[] => graph.elements(lists.get(`.${name}`) ?? 0);
  const values = places('values');
  const known = new Map(places('targets').map((node, index) => [node, targets[index]]));
  // The lists by themselves, too: V8's stack may still have them.
  const cut = new Set([at, ...lists.values(), ...places('tables')]);
  const rooted = graph.reached(cut);
  return asked.map((_, index) => {
    const from = values[index];
    return from === undefined || rooted[from] ? [] : leadsFrom(graph, from, known, rooted);
  });
}

function leadsFrom(
  graph: HeapGraph,
  from: number,
  known: ReadonlyMap<number, object>,
  rooted: Uint8Array,
): Lead[] {
  const leads: Lead[] = [];
  const cameBy = new Map<number, { from: number; name: string }>([[from, { from: -1, name: '' }]]);
  const queue = [from];
  for (const node of queue) {
    const target = known.get(node);
    if (target) leads.push({ target, path: pathTo(cameBy, node) });
    for (const edge of target ? [] : graph.edges(node)) {
      if (rooted[edge.to] || cameBy.has(edge.to)) continue;
      cameBy.set(edge.to, { from: node, name: edge.name });
      queue.push(edge.to);
    }
  }
  return leads;
}

function pathTo(cameBy: ReadonlyMap<number, { from: number; name: string }>, node: number): string[] {
  const path: string[] = [];
  for (let step = cameBy.get(node); step && step.from >= 0; step = cameBy.get(step.from)) {
    if (step.name) path.push(step.name);
  }
  return path.reverse();
}

interface Edge {
  to: number;
  /** Empty for what only V8 has a name for. */
  name: string;
}

interface Meta {
  node_fields: string[];
  node_types: [string[]];
  edge_fields: string[];
  edge_types: [string[]];
}

/** The strong edges of a snapshot. Nodes are numbers from 0, which is the root of all. */
class HeapGraph {
  private readonly nodes: Uint32Array;
  private readonly links: Uint32Array;
  private readonly strings: string[];
  /** Where a node's edges begin. */
  private readonly first: Uint32Array;
  private readonly width: number;
  private readonly nameAt: number;
  private readonly idAt: number;
  private readonly edgeTypes: string[];
  private readonly weak: number;
  private readonly internal: number;

  constructor(text: Buffer) {
    const nodesAt = text.indexOf('"nodes":[');
    const head = text.toString('utf8', 0, nodesAt).replace(/,\s*$/, '}');
    const { meta, node_count, edge_count } = (
      JSON.parse(head) as { snapshot: { meta: Meta; node_count: number; edge_count: number } }
    ).snapshot;
    this.width = meta.node_fields.length;
    this.nameAt = meta.node_fields.indexOf('name');
    this.idAt = meta.node_fields.indexOf('id');
    this.edgeTypes = meta.edge_types[0];
    this.weak = this.edgeTypes.indexOf('weak');
    this.internal = this.edgeTypes.indexOf('internal');
    this.nodes = numbers(text, nodesAt, node_count * this.width);
    const edgesAt = text.indexOf('"edges":[', nodesAt);
    this.links = numbers(text, edgesAt, edge_count * LINK);
    const stringsAt = text.indexOf('"strings":[', edgesAt) + '"strings":'.length;
    this.strings = JSON.parse(text.toString('utf8', stringsAt, text.lastIndexOf(']') + 1)) as string[];
    this.first = new Uint32Array(node_count + 1);
    const countAt = meta.node_fields.indexOf('edge_count');
    for (let node = 0; node < node_count; node++) {
      this.first[node + 1] = this.first[node] + this.nodes[node * this.width + countAt];
    }
  }

  /** The only object of a class. */
  find(className: string): number {
    for (let node = 0; node + 1 < this.first.length; node++) {
      if (this.strings[this.nodes[node * this.width + this.nameAt]] !== className) continue;
      const names = new Set(this.edges(node).map(({ name }) => name));
      if (['.values', '.targets', '.tables'].every((name) => names.has(name))) return node;
    }
    throw new Error(`the snapshot has no ${className}`);
  }

  edges(node: number): Edge[] {
    const found: Edge[] = [];
    for (let link = this.first[node]; link < this.first[node + 1]; link++) {
      if (!this.isStrong(node, link)) continue;
      found.push({ to: this.links[link * LINK + 2] / this.width, name: this.nameOf(link) });
    }
    return found;
  }

  /** The elements of an array, in order. */
  elements(array: number): number[] {
    const found: number[] = [];
    for (const { to, name } of this.edges(array)) {
      const index = /^\[(\d+)\]$/.exec(name);
      if (index) found[Number(index[1])] = to;
    }
    return found;
  }

  /** Marks with 1 what can be reached from the root without going through one of `cut`. */
  reached(cut: ReadonlySet<number>): Uint8Array {
    const reached = new Uint8Array(this.first.length);
    reached[0] = 1;
    const open = [0];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (cut.has(node)) continue;
      for (let link = this.first[node]; link < this.first[node + 1]; link++) {
        const to = this.links[link * LINK + 2] / this.width;
        if (reached[to] || !this.isStrong(node, link)) continue;
        reached[to] = 1;
        open.push(to);
      }
    }
    return reached;
  }

  /** Whether the edge keeps what it leads to. */
  private isStrong(node: number, link: number): boolean {
    const type = this.links[link * LINK];
    if (type === this.weak) return false;
    if (type !== this.internal) return true;
    // A WeakMap's table shows its values, but only the key keeps a value.
    const name = this.strings[this.links[link * LINK + 1]];
    return !name.endsWith(')') || !name.endsWith(`(table @${this.nodes[node * this.width + this.idAt]})`);
  }

  private nameOf(link: number): string {
    const name = this.links[link * LINK + 1];
    switch (this.edgeTypes[this.links[link * LINK]]) {
      case 'context':
        return this.strings[name];
      case 'property':
        return `.${this.strings[name]}`;
      case 'element':
        return `[${name}]`;
      default:
        return '';
    }
  }
}

/** Fields of an edge: type, name or index, node. */
const LINK = 3;

/** Reads the numbers of the list that begins behind `at`. */
function numbers(text: Buffer, at: number, count: number): Uint32Array {
  const found = new Uint32Array(count);
  let place = text.indexOf('[', at) + 1;
  for (let index = 0; index < count; index++) {
    while (text[place] < DIGIT_0 || text[place] > DIGIT_9) place += 1;
    let number = 0;
    for (; text[place] >= DIGIT_0 && text[place] <= DIGIT_9; place++) {
      number = number * 10 + text[place] - DIGIT_0;
    }
    found[index] = number;
  }
  return found;
}

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
