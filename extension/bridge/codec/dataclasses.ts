/**
 * Registry of JavaScript classes that stand for Python dataclasses. One per process; JS threads do not share it.
 */

// biome-ignore lint/suspicious/noExplicitAny: any constructor may be registered, it is never called here.
export type DataclassConstructor = new (...args: any[]) => object;

const prototypes = new Map<string, object>();
const typeNames = new Map<object, string>();

/**
 * Binds a class to a Python dataclass: its instances cross as that dataclass, and the other way round.
 * An arriving instance is made without running the constructor; its fields are assigned.
 *
 * @param typeName `module:qualname` of the Python class
 */
export function registerDataclass(typeName: string, Class: DataclassConstructor): void {
  if (!/^[^:\s]+:[^:\s]+$/.test(typeName)) {
    throw new TypeError(`dataclass type name must be "module:qualname", not ${JSON.stringify(typeName)}`);
  }
  const previous = prototypes.get(typeName);
  if (previous !== undefined) typeNames.delete(previous);
  const previousName = typeNames.get(Class.prototype);
  if (previousName !== undefined) prototypes.delete(previousName);
  prototypes.set(typeName, Class.prototype);
  typeNames.set(Class.prototype, typeName);
}

/** Type name registered for the class with this prototype. */
export function dataclassName(prototype: object): string | undefined {
  return typeNames.get(prototype);
}

/** Prototype of the class registered for a type name. */
export function dataclassPrototype(typeName: string): object | undefined {
  return prototypes.get(typeName);
}
