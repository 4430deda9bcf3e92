/**
 * Shapes a packer has met: the key list of plain objects, so that objects alike send their keys once per frame, and the
 * fastest way to go through their values: a generated function once the shape proves common (each property then has its
 * own inline cache), a loop before that and where code generation is forbidden.
 * Belongs to one packer.
 */
import { at } from './refusal';

/** Objects with more keys than this are maps in all but name: their keys would only fill the trie. */
const MAX_CACHED_KEYS = 64;
const MAX_NODES = 8192;
const GENERATE_AFTER = 32;
const MAX_GENERATED = 1024;

/** What takes the values: of any kind, or of a kind that is known. */
export interface ValueWriter {
  value(value: unknown): void;
  string(value: string): void;
  number(value: number): void;
}

type Write = (writer: ValueWriter, o: Record<string, unknown>, keys: readonly string[]) => void;

let generated = 0;

export class Shape {
  /** Has no key that means something else in an object that is read. */
  readonly plain: boolean;
  /** The frame that {@link id} belongs to. */
  frame = -1;
  id = -1;
  /** The shape that came after it the last time: objects in an array have the same inside, one after the other. */
  follower: Shape | undefined;
  private uses = 0;
  private writeValues: Write = writeInLoop;

  constructor(readonly keys: readonly string[]) {
    this.plain = !keys.includes('__proto__');
  }

  /** Writes the values of an object of this shape, in order; failures get the key as a step of their path. */
  write(writer: ValueWriter, o: Record<string, unknown>): void {
    if (++this.uses === GENERATE_AFTER) this.writeValues = generate(this.keys) ?? writeInLoop;
    this.writeValues(writer, o, this.keys);
  }
}

interface Node {
  next: Map<string, Node> | undefined;
  shape: Shape | undefined;
}

/** Finds the shape of a key list; equal lists give the same shape, unless they are very long. */
export class ShapeTrie {
  private root: Node = { next: undefined, shape: undefined };
  private nodes = 0;

  find(keys: readonly string[]): Shape {
    if (keys.length > MAX_CACHED_KEYS) return new Shape(keys);
    let node = this.root;
    for (let i = 0; i < keys.length; i++) {
      node.next ??= new Map();
      let next = node.next.get(keys[i]);
      if (next === undefined) {
        if (++this.nodes > MAX_NODES) return this.restart(keys);
        next = { next: undefined, shape: undefined };
        node.next.set(keys[i], next);
      }
      node = next;
    }
    node.shape ??= new Shape(keys);
    return node.shape;
  }

  private restart(keys: readonly string[]): Shape {
    this.root = { next: undefined, shape: undefined };
    this.nodes = 0;
    return this.find(keys);
  }
}

/**
 * True when a dict of these keys arrives as an object: all are text, none is `__proto__`, and an object keeps their order.
 * Python's side decides by the same rule.
 */
export function readsAsObject(keys: Iterable<unknown>): boolean {
  let last = -1;
  for (const key of keys) {
    if (typeof key !== 'string' || key === '__proto__') return false;
    const index = indexOf(key);
    // An index after a name, or after a higher index, would be moved forward.
    if (index >= 0 && index < last) return false;
    last = index < 0 ? Number.POSITIVE_INFINITY : index;
  }
  return true;
}

/** The index that JavaScript takes a key for (`"7"`, not `"07"`); -1 for a name. */
function indexOf(key: string): number {
  const first = key.charCodeAt(0);
  if (!(first >= 48 && first <= 57) || key.length > 10) return -1;
  const index = Number(key) >>> 0;
  return String(index) === key && index !== 0xffff_ffff ? index : -1;
}

function writeInLoop(writer: ValueWriter, o: Record<string, unknown>, keys: readonly string[]): void {
  let i = 0;
  try {
    for (; i < keys.length; i++) writer.value(o[keys[i]]);
  } catch (error) {
    throw at(error, keys[i]);
  }
}

const WRITE_VALUE =
  'if (typeof v === "string") w.string(v); else if (typeof v === "number") w.number(v); else w.value(v);';

function generate(keys: readonly string[]): Write | undefined {
  if (keys.length > MAX_CACHED_KEYS || generated >= MAX_GENERATED) return undefined;
  // What most values are needs no call to find out.
  const values = keys.map((key, i) => `i = ${i}; v = o[${JSON.stringify(key)}]; ${WRITE_VALUE}`).join(' ');
  try {
    const make = new Function(
      'at',
      `return (w, o, keys) => { let i = 0, v; try { ${values} } catch (error) { throw at(error, keys[i]); } };`,
    );
    generated++;
    return make(at) as Write;
  } catch {
    // Code generation is forbidden here (--disallow-code-generation-from-strings).
    return undefined;
  }
}
