/**
 * Purpose: which members of an object that was handed to Python can be reached from there, and what kind of
 * object it is.
 * Threads: JavaScript main thread only.
 * Must not know: handles, calls.
 *
 * The rule: what the object owns or inherits, methods of its class and of built-in classes such as `Map` or
 * `RegExp` included; but nothing of `Object.prototype` and `Function.prototype`, and never `constructor`,
 * `__proto__` or a function's `prototype`: from any of these, all of JavaScript could be reached.
 */
import { types } from 'node:util';
import { Trait } from '../protocol/pack';

/** Anything that has members. */
export type Owner = object & { [key: PropertyKey]: unknown };

/** Whether Python may reach the member. */
export function isMember(object: unknown, key: PropertyKey): boolean {
  if (!hasMembers(object) || isForbidden(object, key)) return false;
  for (let owner: object | null = object; owner !== null; owner = Object.getPrototypeOf(owner)) {
    if (owner !== object && isRoot(owner)) return false;
    if (Object.hasOwn(owner, key)) return true;
  }
  return false;
}

/** Names of the members that Python may reach. */
export function memberNames(object: unknown): string[] {
  const names = new Set<string>();
  if (!hasMembers(object)) return [];
  for (let owner: object | null = object; owner !== null; owner = Object.getPrototypeOf(owner)) {
    if (owner !== object && isRoot(owner)) break;
    for (const name of Object.getOwnPropertyNames(owner)) {
      if (!isForbidden(object, name)) names.add(name);
    }
  }
  return [...names];
}

/** Sets a member; false when that is not possible. */
export function setMember(object: unknown, key: PropertyKey, value: unknown): boolean {
  if (!hasMembers(object) || isForbidden(object, key)) return false;
  return Reflect.set(object, key, value);
}

/** Deletes an own member; false when that is not possible. */
export function deleteMember(object: unknown, key: PropertyKey): boolean {
  if (!hasMembers(object) || isForbidden(object, key) || !Object.hasOwn(object, key)) return false;
  return Reflect.deleteProperty(object, key);
}

/** Whether a value can have members. */
export function hasMembers(value: unknown): value is Owner {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** Whether `new` is the way to call a function; of functions that allow both, it is not. */
export function isClass(value: unknown): boolean {
  if (typeof value !== 'function') return false;
  // Classes, and the built-in ones, cannot be given another prototype.
  return Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false;
}

/** What Python should know of an object; see `Trait`. */
export function traitsOf(value: unknown): number {
  if (typeof value === 'symbol') return Trait.SYMBOL;
  if (typeof value === 'function') return isClass(value) ? Trait.CLASS | Trait.CALLABLE : Trait.CALLABLE;
  if (!hasMembers(value)) return 0;
  try {
    return traitsOfObject(value);
  } catch {
    // A getter or a trap that throws does so again when somebody asks for the member.
    return 0;
  }
}

function traitsOfObject(value: Owner): number {
  if (types.isPromise(value) || typeof value.then === 'function') return Trait.AWAITABLE;
  let traits = 0;
  const steps = typeof value.next === 'function';
  if (Symbol.asyncIterator in value) {
    traits |= Trait.ASYNC_ITERABLE | (steps ? Trait.ASYNC_ITERATOR : 0);
  } else if (Symbol.iterator in value) {
    traits |= Trait.ITERABLE | (steps ? Trait.ITERATOR : 0);
  }
  if (Symbol.dispose in value) traits |= Trait.CONTEXT;
  if (Symbol.asyncDispose in value) traits |= Trait.ASYNC_CONTEXT;
  return traits;
}

/** What messages call a value. */
export function labelOf(value: unknown): string {
  if (typeof value === 'symbol') return value.description ?? '';
  try {
    const named = typeof value === 'function' ? value : Object.getPrototypeOf(value)?.constructor;
    return typeof named?.name === 'string' ? named.name : '';
  } catch {
    return '';
  }
}

function isForbidden(object: Owner, key: PropertyKey): boolean {
  if (key === 'constructor' || key === '__proto__') return true;
  return typeof object === 'function' && (key === 'prototype' || key === 'caller' || key === 'arguments');
}

/** `Object.prototype` or `Function.prototype`, of this realm or another one. */
function isRoot(prototype: object): boolean {
  if (typeof prototype === 'function') {
    return Object.hasOwn(prototype, 'apply') && Object.hasOwn(prototype, 'bind');
  }
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'hasOwnProperty');
}
