/**
 * Shapes an unpacker has met, each with the fastest way to build its objects: a generated object literal once the shape
 * proves common (one allocation, no transitions), a loop before that and where code generation is forbidden.
 * Shared by all unpackers of a JavaScript thread.
 */

/** What a shape reads its values from. */
export interface Reader {
  value(): unknown;
}

const GENERATE_AFTER = 32;
const MAX_GENERATED_KEYS = 64;
const MAX_GENERATED = 1024;
const MAX_NODES = 8192;

let generated = 0;

export class ReadShape {
  private uses = 0;
  private make: ((reader: Reader) => Record<string, unknown>) | undefined;

  constructor(private readonly keys: readonly string[]) {}

  read(reader: Reader): Record<string, unknown> {
    if (this.make !== undefined) return this.make(reader);
    if (++this.uses === GENERATE_AFTER) this.make = generate(this.keys);
    return this.fill(reader, {});
  }

  /** Reads the values into an object that is there already. */
  fill<O extends object>(reader: Reader, o: O): O {
    const { keys } = this;
    for (let i = 0; i < keys.length; i++) setOwn(o as Record<string, unknown>, keys[i], reader.value());
    return o;
  }
}

interface Node {
  next: Map<string, Node> | undefined;
  shape: ReadShape | undefined;
}

export class ReadShapes {
  private root: Node = { next: undefined, shape: undefined };
  private nodes = 0;

  find(keys: readonly string[]): ReadShape {
    if (keys.length > MAX_GENERATED_KEYS) return new ReadShape(keys);
    let node = this.root;
    for (let i = 0; i < keys.length; i++) {
      node.next ??= new Map();
      let next = node.next.get(keys[i]);
      if (next === undefined) {
        if (++this.nodes > MAX_NODES) {
          this.root = { next: undefined, shape: undefined };
          this.nodes = 0;
          return new ReadShape(keys);
        }
        next = { next: undefined, shape: undefined };
        node.next.set(keys[i], next);
      }
      node = next;
    }
    node.shape ??= new ReadShape(keys);
    return node.shape;
  }
}

function setOwn(o: Record<string, unknown>, key: string, value: unknown): void {
  // What a prototype has may be a setter, or may not be assigned over: `__proto__`, or a polluted prototype.
  if (!(key in o)) o[key] = value;
  else Object.defineProperty(o, key, { value, enumerable: true, configurable: true, writable: true });
}

function generate(keys: readonly string[]): ((reader: Reader) => Record<string, unknown>) | undefined {
  if (keys.length > MAX_GENERATED_KEYS || generated >= MAX_GENERATED) return undefined;
  // In brackets `__proto__` is an own property; a bare one would set the prototype.
  const fields = keys.map(
    (key) => `${key === '__proto__' ? '["__proto__"]' : JSON.stringify(key)}: r.value()`,
  );
  try {
    const make = new Function('r', `return { ${fields.join(', ')} };`);
    generated++;
    return make as (reader: Reader) => Record<string, unknown>;
  } catch {
    // Code generation is forbidden here (--disallow-code-generation-from-strings).
    return undefined;
  }
}
