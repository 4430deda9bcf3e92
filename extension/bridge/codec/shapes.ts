/**
 * Shapes a packer has met: the key list of plain objects, so that objects alike send their keys once per frame.
 * Belongs to one packer.
 */

/** Objects with more keys than this are maps in all but name: their keys would only fill the trie. */
const MAX_CACHED_KEYS = 64;
const MAX_NODES = 8192;

export interface Shape {
  readonly keys: readonly string[];
  /** Can go as SHAPE/OBJECT; otherwise a key would change order or meaning on the way, and it goes as MAP. */
  readonly plain: boolean;
  /** The frame that {@link id} belongs to. */
  frame: number;
  id: number;
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
    if (keys.length > MAX_CACHED_KEYS) return makeShape(keys);
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
    node.shape ??= makeShape(keys);
    return node.shape;
  }

  private restart(keys: readonly string[]): Shape {
    this.root = { next: undefined, shape: undefined };
    this.nodes = 0;
    return this.find(keys);
  }
}

function makeShape(keys: readonly string[]): Shape {
  // Own keys come with the index-like ones first, so the first key answers for all.
  const plain = (keys.length === 0 || !isIndexLike(keys[0])) && !keys.includes('__proto__');
  return { keys, plain, frame: -1, id: -1 };
}

/** JavaScript moves such keys in front of the others (`"7"`, not `"07"`). */
export function isIndexLike(key: string): boolean {
  const first = key.charCodeAt(0);
  if (!(first >= 48 && first <= 57) || key.length > 10) return false;
  return String(Number(key) >>> 0) === key && key !== '4294967295';
}
