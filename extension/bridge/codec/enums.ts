/**
 * Registry of JavaScript values that stand for members of Python enumerations. One per JavaScript thread. Knows nothing
 * of packs.
 */
import { PyEnum } from './carriers';
import { addEntry } from './converters';

/** What {@link registerEnum} gives. */
export interface RegisteredEnum<M extends Record<string, unknown>> {
  /** The member with this JavaScript value, as Python's member: for values that are plain strings or numbers. */
  of(value: M[keyof M]): PyEnum;
  dispose(): void;
}

const byType = new Map<string, ReadonlyMap<string, unknown>>();
const bySymbol = new Map<symbol, PyEnum>();

/**
 * Binds the members of a Python enumeration to JavaScript values: a const object, or a TypeScript enum.
 *
 * An arriving member becomes its value. Values that are objects or symbols go back as the member; a string or number
 * cannot be told from any other, pass `of(value)` where Python needs the member.
 *
 * @param typeName `module:qualname` of the Python class
 * @param members value by the member's name in Python
 */
export function registerEnum<const M extends Record<string, unknown>>(
  typeName: string,
  members: M,
): RegisteredEnum<M> {
  if (!/^[^:\s]+:[^:\s]+$/.test(typeName)) {
    throw new TypeError(`enum type name must be "module:qualname", not ${JSON.stringify(typeName)}`);
  }
  // A TypeScript enum of numbers has the way back among its keys.
  const entries: [string, unknown][] = Object.entries(members).filter(([name]) => !/^-?\d/.test(name));
  const values = new Map(entries);
  const carriers = new Map(entries.map(([name, value]) => [value, new PyEnum(typeName, name, null)]));
  byType.set(typeName, values);
  const symbols = [...carriers].filter(([value]) => typeof value === 'symbol') as [symbol, PyEnum][];
  for (const [symbol, carrier] of symbols) bySymbol.set(symbol, carrier);
  const objects = entries.some(([, value]) => typeof value === 'object' && value !== null);
  const converter = objects
    ? addEntry({
        name: `enum ${typeName}`,
        direct: true,
        matches: (value) => carriers.has(value),
        toPlain: (value) => carriers.get(value),
        fromPlain: undefined,
        priority: 1,
        depth: 0,
      })
    : undefined;
  return {
    of(value) {
      const carrier = carriers.get(value);
      if (carrier === undefined)
        throw new TypeError(`${typeName} has no member with the value ${String(value)}`);
      return carrier;
    },
    dispose() {
      if (byType.get(typeName) === values) byType.delete(typeName);
      for (const [symbol, carrier] of symbols) if (bySymbol.get(symbol) === carrier) bySymbol.delete(symbol);
      converter?.dispose();
    },
  };
}

/** The member that a symbol was registered for. */
export function enumOfSymbol(symbol: symbol): PyEnum | undefined {
  return bySymbol.get(symbol);
}

/** What a member arrives as. */
export function readEnum(type: string, name: string | null, value: unknown): unknown {
  const values = name === null ? undefined : byType.get(type);
  return values?.has(name as string) ? values.get(name as string) : new PyEnum(type, name, value);
}
