/**
 * Purpose: the face of Python objects: callable, with attributes that are such objects in turn.
 * Threads: JavaScript main thread only.
 * Must not know: frames, transports, hosts.
 */
import { Trait } from '../protocol/pack';
import { callerOf } from './callerBudget';
import { type CallOptions, isPlain, splitArguments } from './callOptions';
import { BridgeError } from './errors';
import { refOfFace, setFace } from './faces';
import { PyPromise } from './pyPromise';
import { Ref } from './pyRef';
import { type Caller, captureCaller } from './stack';
import { PyItems, PyStream } from './streams';

/**
 * A Python object, or an attribute path below one. Calling it calls Python; an attribute is
 * another such object and costs nothing until called. What has no form in TypeScript arrives as one,
 * the same Python object as the same proxy while that lives; sent back, it is the object itself.
 *
 * `for await` iterates; generators have `next`, `return` and `throw`, too. Only with Python in this
 * process, `for … of` and spreading work as well, each step waiting for Python.
 *
 * `ref`, `with` and `then` are TypeScript's here, and `next`, `return` and `throw` of iterators: use
 * `attribute(object, "ref")` for a Python attribute of that name. `operations.ts` has `getItem`, `length`,
 * `setAttribute`, `isInstance` and so on.
 */
export interface PyObject {
  // biome-ignore lint/suspicious/noExplicitAny: what Python returns has no static type
  (...args: any[]): Promise<any>;
  /** Calls and keeps the result in Python; dispose it, or let it be collected. */
  // biome-ignore lint/suspicious/noExplicitAny: arguments have no static type
  ref(...args: any[]): Promise<PyObject>;
  /** The same callable with call options bound; of an iterable: the options of each step. */
  with(options: CallOptions): PyObject;
  /** Not a promise: awaiting a Python object gives the object. */
  readonly then?: undefined;
  /**
   * Gives back the handle (of the object itself, not of an attribute): once as often as the object was
   * received, it is released. Context managers are left by `within` and `enter`, never by this.
   */
  [Symbol.dispose](): void;
  /** As `Symbol.dispose`. */
  [Symbol.asyncDispose](): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: items have no static type
  [Symbol.asyncIterator](): PyStream<any>;
  // biome-ignore lint/suspicious/noExplicitAny: items have no static type
  [Symbol.iterator](): PyItems<any>;
  // biome-ignore lint/suspicious/noExplicitAny: attributes have no static type
  [attribute: string]: any;
}

/** An object, and an attribute path below it; null is the object itself. */
export interface Place {
  ref: Ref;
  path: string | null;
  options: CallOptions;
}

interface ProxyState extends Place {
  attributes: Map<string, PyObject>;
  /** Of an iterator: the one stream over it. */
  stream: PyStream<unknown> | undefined;
}

const states = new WeakMap<object, ProxyState>();
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** What code sees of an object that arrived. */
export function faceOf(ref: Ref): unknown {
  if (ref.face === undefined) (ref.traits & PROMISE) === Trait.AWAITABLE ? PyPromise.of(ref) : proxyOf(ref);
  return ref.face;
}

/** A class may define how its instances are awaited. */
const PROMISE = Trait.AWAITABLE | Trait.CLASS;

/** The callable face of a handle. */
export function proxyOf(ref: Ref): PyObject {
  const proxy = makeProxy({ ref, path: null, options: {} });
  setFace(proxy, ref);
  return proxy;
}

/** The handle, attribute path and bound options behind a face; undefined for anything else. */
export function unwrapProxy(value: unknown): Place | undefined {
  if (typeof value === 'function') return states.get(value);
  if (value instanceof Ref) return { ref: value, path: null, options: {} };
  const ref = value instanceof PyPromise ? refOfFace(value) : undefined;
  return ref && { ref, path: null, options: {} };
}

/** The place a proxy stands for. @throws TypeError for anything else */
export function placeOf(object: unknown, asker: string): Place {
  const found = unwrapProxy(object);
  if (!found) throw new TypeError(`${asker}() takes an object that came from Python`);
  return found;
}

/** A Python attribute whose name TypeScript's side uses itself, for instance `ref`. */
export function attribute(object: PyObject, name: string): PyObject {
  const state = states.get(object);
  if (!state) throw new TypeError('attribute() takes an object that came from Python');
  return attributeOf(state, name);
}

/**
 * What a Python object or attribute is: by value where it has a form here, else the object itself.
 * `await value(math.pi)`.
 */
export async function value<T = unknown>(object: PyObject): Promise<T> {
  return (await ask(placeOf(object, 'value'), 'get', [], captureCaller(value))) as T;
}

/** Asks about a place; see `Question`. */
export function ask(
  { ref, path, options }: Place,
  name: string,
  args: readonly unknown[],
  caller: Caller,
): Promise<unknown> {
  const label = `${name} of ${path === null ? ref.label : `${ref.label}.${path}`}`;
  return ref.owner.ask({ name, args: [ref, path, ...args], options, caller, label });
}

function makeProxy(place: Place): PyObject {
  const state: ProxyState = { ...place, attributes: new Map(), stream: undefined };
  const proxy = new Proxy(TARGET, handlerFor(state)) as unknown as PyObject;
  states.set(proxy, state);
  return proxy;
}

/** Makes every proxy callable. Node looks at a proxy's target for how to print it. */
const TARGET = Object.assign((): void => {}, {
  [INSPECT](this: object): string {
    const state = states.get(this);
    return state ? describe(state) : '[Python]';
  },
});

function handlerFor(state: ProxyState): ProxyHandler<typeof TARGET> {
  const apply = (_target: unknown, _self: unknown, args: unknown[]): Promise<unknown> =>
    start(state, args, false, callerOf(apply));
  const ref = (...args: unknown[]): Promise<unknown> => start(state, args, true, captureCaller(ref));
  return {
    apply,
    get(_target, key) {
      if (typeof key === 'symbol') return symbolMember(state, key);
      if (key === 'then') return undefined;
      if (key === 'ref') return ref;
      if (key === 'with') return (options: CallOptions) => withOptions(state, options);
      if (isStep(key) && isIterator(state)) {
        const stream = streamOf(state);
        return stream[key].bind(stream);
      }
      return attributeOf(state, key);
    },
    has: (_target, key) =>
      typeof key === 'string' ? key !== 'then' : symbolMember(state, key) !== undefined,
    set: (_target, key) => {
      throw new BridgeError('an assignment cannot wait for Python', {
        code: 'unsupported',
        hint: `Use await setAttribute(object, ${JSON.stringify(String(key))}, value).`,
      });
    },
    // The target is every proxy's.
    defineProperty: () => false,
    setPrototypeOf: () => false,
    preventExtensions: () => false,
    deleteProperty: (_target, key) => {
      throw new BridgeError('delete cannot wait for Python', {
        code: 'unsupported',
        hint: `Use await deleteAttribute(object, ${JSON.stringify(String(key))}).`,
      });
    },
  };
}

function start(state: ProxyState, args: unknown[], returnRef: boolean, caller: Caller): Promise<unknown> {
  const call = isPlain(args)
    ? { args, kwargs: null, options: state.options, returnRef, caller }
    : { ...splitArguments(args, state.options), returnRef, caller };
  return state.ref.owner.invoke(state.ref, state.path, call);
}

function symbolMember(state: ProxyState, key: symbol): unknown {
  switch (key) {
    case Symbol.dispose:
      return () => disposeOf(state);
    case Symbol.asyncDispose:
      return async () => disposeOf(state);
    case Symbol.asyncIterator:
      return canIterate(state, ITERABLE | ASYNC) ? () => streamOf(state) : undefined;
    case Symbol.iterator:
      return canIterate(state, ITERABLE) ? () => new PyItems(state.ref, state.path) : undefined;
    case Symbol.toStringTag:
      return 'PyObject';
    case Symbol.toPrimitive:
    case INSPECT:
      return () => describe(state);
    default:
      return undefined;
  }
}

const ITERABLE = Trait.ITERABLE | Trait.ITERATOR;
const ASYNC = Trait.ASYNC_ITERABLE | Trait.ASYNC_ITERATOR;

/** What an attribute path leads to is not known before Python is asked. */
function canIterate({ ref, path }: Place, traits: number): boolean {
  return path !== null || ((ref.traits & traits) !== 0 && (ref.traits & Trait.CLASS) === 0);
}

type Step = 'next' | 'return' | 'throw';

function isStep(key: string): key is Step {
  return key === 'next' || key === 'return' || key === 'throw';
}

function isIterator({ ref, path }: Place): boolean {
  return path === null && (ref.traits & (Trait.ITERATOR | Trait.ASYNC_ITERATOR)) !== 0;
}

/** An iterator has one stream, which keeps its steps in order; an iterable a new one each time. */
function streamOf(state: ProxyState): PyStream<unknown> {
  const { ref, path, options } = state;
  if (!isIterator(state)) return new PyStream(ref, path, options);
  state.stream ??= new PyStream(ref, path, options);
  return state.stream;
}

function disposeOf({ ref, path }: Place): void {
  if (path === null) ref.dispose();
}

const KINDS: readonly (readonly [trait: number, name: string])[] = [
  [Trait.CLASS, 'class '],
  [Trait.MODULE, 'module '],
  [Trait.EXCEPTION, 'exception '],
  [Trait.ITERATOR | Trait.ASYNC_ITERATOR, 'iterator '],
];

/** Something to read that needs no crossing: `[Python class Counter]`, `[Python statistics.mean]`. */
function describe({ ref, path }: Place): string {
  if (path !== null) return `[Python ${ref.label}.${path}]`;
  const kind = KINDS.find(([trait]) => (ref.traits & trait) !== 0)?.[1] ?? '';
  return `[Python ${kind}${ref.label}${ref.disposed ? ', released' : ''}]`;
}

function attributeOf(state: ProxyState, name: string): PyObject {
  const known = state.attributes.get(name);
  if (known) return known;
  const path = state.path === null ? name : `${state.path}.${name}`;
  const proxy = makeProxy({ ref: state.ref, path, options: state.options });
  state.attributes.set(name, proxy);
  return proxy;
}

function withOptions({ ref, path, options: before }: Place, options: CallOptions): PyObject {
  return makeProxy({ ref, path, options: { ...before, ...options } });
}
