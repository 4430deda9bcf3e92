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

/** What takes the values. */
export interface ValueWriter {
  value(value: unknown): void;
}

type Write = (writer: ValueWriter, o: Record<string, unknown>, keys: readonly string[]) => void;

let generated = 0;

export class Shape {
  /** Can go as SHAPE/OBJECT; otherwise a key would change order or meaning on the way, and it goes as MAP. */
  readonly plain: boolean;
  /** The frame that {@link id} belongs to. */
  frame = -1;
  id = -1;
  private uses = 0;
  private writeValues: Write = writeInLoop;

  constructor(readonly keys: readonly string[]) {
    // Own keys come with the index-like ones first, so the first key answers for all.
    this.plain = (keys.length === 0 || !isIndexLike(keys[0])) && !keys.includes('__proto__');
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

/** JavaScript moves such keys in front of the others (`"7"`, not `"07"`). */
export function isIndexLike(key: string): boolean {
  const first = key.charCodeAt(0);
  if (!(first >= 48 && first <= 57) || key.length > 10) return false;
  return String(Number(key) >>> 0) === key && key !== '4294967295';
}

function writeInLoop(writer: ValueWriter, o: Record<string, unknown>, keys: readonly string[]): void {
  let i = 0;
  try {
    for (; i < keys.length; i++) writer.value(o[keys[i]]);
  } catch (error) {
    throw at(error, keys[i], o);
  }
}

function generate(keys: readonly string[]): Write | undefined {
  if (keys.length > MAX_CACHED_KEYS || generated >= MAX_GENERATED) return undefined;
  const values = keys.map((key, i) => `i = ${i}; w.value(o[${JSON.stringify(key)}]);`).join(' ');
  try {
    const make = new Function(
      'at',
      `return (w, o, keys) => { let i = 0; try { ${values} } catch (error) { throw at(error, keys[i], o); } };`,
    );
    generated++;
    return make(at) as Write;
  } catch {
    // Code generation is forbidden here (--disallow-code-generation-from-strings).
    return undefined;
  }
}
