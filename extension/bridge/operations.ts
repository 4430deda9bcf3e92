/**
 * Purpose: what Python's syntax and built-in functions do with an object, for objects held here.
 * Threads: JavaScript main thread only.
 * Must not know: frames, transports, hosts.
 *
 * Each takes a Python object or an attribute path below one (`module.Class`), and asks Python once. Values
 * come back by value where they have a form here, else as Python objects. All reject with `BridgeError`s.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { ask, type PyObject, placeOf } from './proxies';
import type { PyPromise } from './pyPromise';
import { type Caller, captureCaller } from './stack';

/** A Python object, or what Python awaits. */
export type Held = PyObject | PyPromise;

/** `getattr(object, name)`. */
export function getAttribute<T = unknown>(object: Held, name: string): Promise<T> {
  const { ref, path, options } = placeOf(object, 'getAttribute');
  const below = path === null ? name : `${path}.${name}`;
  return ask({ ref, path: below, options }, 'get', [], captureCaller(getAttribute)) as Promise<T>;
}

/** `setattr(object, name, value)`. */
export async function setAttribute(object: Held, name: string, value: unknown): Promise<void> {
  await put(object, 'set_attribute', [name, value], captureCaller(setAttribute));
}

/** `delattr(object, name)`. */
export async function deleteAttribute(object: Held, name: string): Promise<void> {
  await put(object, 'delete_attribute', [name], captureCaller(deleteAttribute));
}

/** `object[key]`. */
export function getItem<T = unknown>(object: Held, key: unknown): Promise<T> {
  return put(object, 'get_item', [key], captureCaller(getItem)) as Promise<T>;
}

/** `object[key] = value`. */
export async function setItem(object: Held, key: unknown, value: unknown): Promise<void> {
  await put(object, 'set_item', [key, value], captureCaller(setItem));
}

/** `del object[key]`. */
export async function deleteItem(object: Held, key: unknown): Promise<void> {
  await put(object, 'delete_item', [key], captureCaller(deleteItem));
}

/** `len(object)`. */
export function length(object: Held): Promise<number> {
  return put(object, 'length', [], captureCaller(length)) as Promise<number>;
}

/** `item in object`. */
export function contains(object: Held, item: unknown): Promise<boolean> {
  return put(object, 'contains', [item], captureCaller(contains)) as Promise<boolean>;
}

/** `isinstance(object, kind)`; `kind` is a class, for instance `module.Class`. */
export function isInstance(object: Held, kind: PyObject): Promise<boolean> {
  const { ref, path } = placeOf(kind, 'isInstance');
  return put(object, 'is_instance', [ref, path], captureCaller(isInstance)) as Promise<boolean>;
}

/** `repr(object)`. Printing an object shows what is known without asking Python. */
export function repr(object: Held): Promise<string> {
  return put(object, 'represent', [], captureCaller(repr)) as Promise<string>;
}

/** `str(object)`. */
export function str(object: Held): Promise<string> {
  return put(object, 'text', [], captureCaller(str)) as Promise<string>;
}

/** Name of the object's type with its module; of built-in types without. */
export function typeName(object: Held): Promise<string> {
  return put(object, 'type_name', [], captureCaller(typeName)) as Promise<string>;
}

/** `dir(object)`. */
export function members(object: Held): Promise<string[]> {
  return put(object, 'members', [], captureCaller(members)) as Promise<string[]>;
}

/** Declares that the object is held for long on purpose: it is never told as a leak. */
export async function keep(object: Held, reason: string): Promise<void> {
  const { ref, options } = placeOf(object, 'keep');
  const caller = captureCaller(keep);
  await ref.owner.ask({ name: 'keep', args: [ref, reason], options, caller, label: `keep of ${ref.label}` });
}

/** A context that was entered; leaving it is `await using`'s, or `exit`'s. */
export interface Entered<T> extends AsyncDisposable {
  /** What `__enter__` gave. */
  readonly value: T;
  /** Leaves the context; once. True when the context manager has dealt with `error`. */
  exit(error?: unknown): Promise<boolean>;
}

/** Number of the Python thread that has entered the plain contexts around the running code. */
const threadAround = new AsyncLocalStorage<number>();

interface EnteredHere<T> extends Entered<T> {
  readonly thread: number;
}

/**
 * Enters a context manager: `await using file = await enter(module.open_file(path))`. Its `__exit__` hears of
 * no error; see {@link within}. An asynchronous one runs on its event loop, both halves of a plain one on a
 * thread of its own.
 */
export async function enter<T = unknown>(manager: Held): Promise<Entered<T>> {
  return enterHere<T>(manager, captureCaller(enter));
}

async function enterHere<T>(manager: Held, caller: Caller): Promise<EnteredHere<T>> {
  const place = placeOf(manager, 'enter');
  const around = threadAround.getStore() ?? 0;
  const [thread, value] = (await ask(place, 'enter', [around], caller)) as [number, T];
  let left = false;
  const exit = async (error?: unknown): Promise<boolean> => {
    if (left) return false;
    left = true;
    const told = error === undefined ? null : place.ref.owner.describe(error);
    return (await ask(place, 'leave', [thread, told], captureCaller(exit))) as boolean;
  };
  return {
    value,
    thread,
    exit,
    [Symbol.asyncDispose]: async () => {
      await exit();
    },
  };
}

/**
 * Runs `body` inside a context, as `with` does: what `body` throws reaches `__exit__`, and is thrown on unless
 * that returns true. A plain context that the body enters by `within` is entered on the same thread: an `RLock`
 * lets it in again. What the body calls runs on other threads.
 */
export async function within<T, R>(
  manager: Held,
  body: (value: T) => R | Promise<R>,
): Promise<R | undefined> {
  const context = await enterHere<T>(manager, captureCaller(within));
  let result: R;
  try {
    result = await threadAround.run(context.thread, async () => body(context.value));
  } catch (error) {
    if (await context.exit(error)) return undefined;
    throw error;
  }
  await context.exit();
  return result;
}

function put(object: Held, name: string, args: readonly unknown[], caller: Caller): Promise<unknown> {
  return ask(placeOf(object, name), name, args, caller);
}
