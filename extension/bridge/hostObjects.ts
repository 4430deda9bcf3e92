/**
 * Purpose: what Python asks of objects that were handed to it, as functions that can be called by name; and which
 * iterators end when Python leaves them.
 * Threads: JavaScript main thread only.
 * Must not know: handles, frames. Twin: `python/symphony_bridge/_js_objects.py`.
 */
import { types } from 'node:util';
import { tuple } from './codec';
import { errorFromPayload, HostError } from './errors';
import { deleteMember, hasMembers, isClass, isMember, memberNames, type Owner, setMember } from './members';

/** Prefix of the names; no exposed object may have it. */
export const QUESTIONS = 'js';

const PREFIX = `${QUESTIONS}.`;

/** Whether what Python calls on an object is a question: methods have no dot in their names. */
export function isQuestion(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Whether a question hands values to the object, as a call does; others are about names and keys. */
export function passesArguments(name: string): boolean {
  return PASSING.has(name);
}

const PASSING: ReadonlySet<string> = new Set(['new', 'call', 'next', 'set'].map((name) => PREFIX + name));

/** Refuses the bridge's own name for what a host exposes. */
export function checkExposedName(name: string): void {
  if (name === QUESTIONS) throw new TypeError(`the name ${name} is the bridge's own`);
}

/** The functions by name, without the prefix. */
export type Questions = Readonly<Record<string, (...args: never[]) => unknown>>;

/** What `get` tells of an attribute. */
enum Found {
  VALUE = 0,
  METHOD = 1,
  NOTHING = 2,
}

/** The functions, for one session. */
export function questions(): Questions {
  return QUESTIONS_OF_ALL;
}

/** Iterators that Python asked for, and that have not ended. */
const askedFor = new WeakSet<object>();

/** The iterator was made for Python, which has it alone as far as anybody knows. */
export function entrust(iterator: object): void {
  askedFor.add(iterator);
}

/** Whether it is one that Python asked for. */
export function isEntrusted(value: object): boolean {
  return askedFor.has(value);
}

/** JavaScript has the value, too: that Python lets go of it ends nothing. */
export function share(value: unknown): void {
  askedFor.delete(value as object);
}

/** Python has let go of the value. An iterator that it asked for is closed, as `for … of` closes what it leaves. */
export function leave(value: unknown): void {
  if (!askedFor.delete(value as object)) return;
  // In a turn of its own: this runs the iterator's code, and whoever comes here is in the middle of something.
  Promise.resolve()
    .then(() => QUESTIONS_OF_ALL.return(value as Owner))
    .catch((error: unknown) => {
      // Nobody waits for it, so nobody else would tell.
      const detail = error instanceof Error ? error.stack : String(error);
      process.emitWarning('an iterator that Python has left failed to end', {
        type: 'BridgeWarning',
        detail,
      });
    });
}

const QUESTIONS_OF_ALL = {
  get(object: Owner, name: PropertyKey) {
    if (!isMember(object, name)) return tuple(Found.NOTHING, null);
    const value = object[name];
    if (typeof value === 'function' && !isClass(value)) return tuple(Found.METHOD, null);
    return tuple(Found.VALUE, value);
  },
  /** As `get`, with functions as they are. */
  read: (object: Owner, name: PropertyKey) =>
    isMember(object, name) ? tuple(true, object[name]) : tuple(false, null),
  set: setMember,
  delete: deleteMember,
  get_item(object: Owner, key: unknown) {
    if (isMap(object)) return object.has(key) ? tuple(true, object.get(key)) : tuple(false, null);
    const name = nameOf(object, key);
    return name !== undefined && isMember(object, name) ? tuple(true, object[name]) : tuple(false, null);
  },
  set_item(object: Owner, key: unknown, value: unknown) {
    if (isMap(object)) {
      object.set(key, value);
      return true;
    }
    const name = nameOf(object, key);
    return name !== undefined && setMember(object, name, value);
  },
  delete_item(object: Owner, key: unknown) {
    if (isMap(object)) return object.delete(key);
    const name = nameOf(object, key);
    return name !== undefined && deleteMember(object, name);
  },
  len(object: Owner) {
    for (const name of ['size', 'length']) {
      const value = isMember(object, name) ? object[name] : undefined;
      if (typeof value === 'number') return value;
    }
    return null;
  },
  contains(object: Owner, item: unknown) {
    if (isMap(object)) return object.has(item);
    if (types.isSet(object) || object instanceof WeakSet) return object.has(item as object);
    if (Array.isArray(object)) return object.includes(item);
    return isKey(item) && isMember(object, item);
  },
  members: memberNames,
  iterate: (object: Owner) => iteratorOf(object, [Symbol.iterator, Symbol.asyncIterator]),
  iterate_async: (object: Owner) => iteratorOf(object, [Symbol.asyncIterator, Symbol.iterator]),
  next: (iterator: Owner, ...sent: unknown[]) => step(iterator, 'next', sent),
  return: (iterator: Owner) => {
    askedFor.delete(iterator);
    if (typeof iterator.return !== 'function') return null;
    return settled(callMember(iterator, 'return', []), () => null);
  },
  throw: (iterator: Owner, payload: unknown) => throwInto(iterator, thrownBy(payload)),
  new: (made: new (...args: unknown[]) => unknown, ...args: unknown[]) => new made(...args),
  call: (fn: (...args: unknown[]) => unknown, self: unknown, ...args: unknown[]) => fn.apply(self, args),
  settle: (promise: unknown) => promise,
  instance_of: (object: unknown, kind: new () => unknown) => object instanceof kind,
  type_of: (value: unknown) => typeof value,
  text: (value: unknown) => String(value),
  dispose: (object: Owner) => callMember(object, Symbol.dispose, []),
  dispose_async: (object: Owner) =>
    callMember(object, Symbol.asyncDispose in object ? Symbol.asyncDispose : Symbol.dispose, []),
};

function callMember(object: Owner, name: PropertyKey, args: readonly unknown[]): unknown {
  const member = hasMembers(object) ? object[name] : undefined;
  if (typeof member !== 'function') throw new TypeError(`the object has no method ${String(name)}`);
  return member.apply(object, args);
}

/** A new iterator, or null where there is none. */
function iteratorOf(object: Owner, symbols: readonly symbol[]): unknown {
  const symbol = hasMembers(object) ? symbols.find((each) => typeof object[each] === 'function') : undefined;
  if (symbol === undefined) return null;
  const made = callMember(object, symbol, []);
  if (hasMembers(made)) entrust(made);
  return made;
}

/** A step as Python takes it: (done, value). The last one, or one that fails, is the iterator's end. */
function step(iterator: Owner, method: 'next' | 'throw', args: readonly unknown[]): unknown {
  const taken = (made: unknown): unknown => {
    const { done, value } = made as IteratorResult<unknown>;
    if (done === true) askedFor.delete(iterator);
    return tuple(done === true, value);
  };
  const failed = (error: unknown): never => {
    askedFor.delete(iterator);
    throw error;
  };
  try {
    const result = callMember(iterator, method, args);
    return types.isPromise(result) ? result.then(taken, failed) : taken(result);
  } catch (error) {
    return failed(error);
  }
}

function settled(result: unknown, use: (value: unknown) => unknown): unknown {
  return types.isPromise(result) ? result.then(use) : use(result);
}

function throwInto(iterator: Owner, error: unknown): unknown {
  if (typeof iterator.throw === 'function') return step(iterator, 'throw', [error]);
  return settled(QUESTIONS_OF_ALL.return(iterator), () => {
    throw error;
  });
}

/** What an exposed function threw comes back as it was. */
function thrownBy(payload: unknown): unknown {
  const error = errorFromPayload(payload);
  return error instanceof HostError && error.original !== undefined ? error.original : error;
}

function isMap(object: unknown): object is Map<unknown, unknown> {
  return types.isMap(object) || object instanceof WeakMap;
}

function isKey(value: unknown): value is string | symbol {
  return typeof value === 'string' || typeof value === 'symbol';
}

/** The property that a Python key means; negative numbers count from the end of arrays. */
function nameOf(object: Owner, key: unknown): PropertyKey | undefined {
  if (isKey(key)) return key;
  if (typeof key !== 'number' || !Number.isInteger(key)) return undefined;
  const length = Array.isArray(object) || ArrayBuffer.isView(object) ? Number(object.length) : undefined;
  if (length === undefined) return key;
  const index = key < 0 ? key + length : key;
  return index >= 0 && index < length ? index : undefined;
}
