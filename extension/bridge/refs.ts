/**
 * Purpose: Python objects held from TypeScript: handles, the callable proxies over them, `kw()`.
 * Threads: JavaScript main thread only; finalizers only enqueue a release.
 * Must not know: frames, transports, hosts.
 */
import { BridgeError } from './errors';
import { type Caller, captureCaller } from './stack';

/** How one call is made; everything is optional. */
export interface CallOptions {
  /** Aborting it cancels the call in Python; the promise rejects once Python has cleaned up. */
  signal?: AbortSignal;
  /** Cancels the call after this many milliseconds. */
  deadlineMs?: number;
  /** Subprocess host only: run on Python's main thread, where signals and some libraries live. */
  mainThread?: boolean;
  /**
   * The result keeps its exact types: integral floats arrive as `PyFloat`, NumPy's scalars as `NdArray`. See
   * `docs/types.md`.
   */
  strict?: boolean;
}

/** Keyword arguments of a Python call; made by `kw()`. */
export class Kwargs {
  constructor(
    readonly values: Readonly<Record<string, unknown>>,
    readonly options: CallOptions | undefined,
  ) {}
}

/**
 * Marks keyword arguments: `stats.quantiles(data, kw({ n: 10 }), { deadlineMs: 500 })`.
 * An object right after `kw(…)` is taken as call options, never as an argument.
 */
export function kw(values: Record<string, unknown>, options?: CallOptions): Kwargs {
  return new Kwargs({ ...values }, options);
}

/**
 * A Python object, or an attribute path below one. Calling it calls Python; an attribute is
 * another such object and costs nothing until called.
 *
 * `ref`, `with` and `then` are TypeScript's here: use `attribute(object, "ref")` for a Python
 * attribute of that name.
 */
export interface PyObject {
  // biome-ignore lint/suspicious/noExplicitAny: what Python returns has no static type
  (...args: any[]): Promise<any>;
  /** Calls and keeps the result in Python; dispose it, or let it be collected. */
  // biome-ignore lint/suspicious/noExplicitAny: arguments have no static type
  ref(...args: any[]): Promise<PyObject>;
  /** The same callable with call options bound. */
  with(options: CallOptions): PyObject;
  /** Not a promise: awaiting a Python object gives the object. */
  readonly then?: undefined;
  /** Releases the handle (of the object itself, not of an attribute). */
  [Symbol.dispose](): void;
  // biome-ignore lint/suspicious/noExplicitAny: attributes have no static type
  [attribute: string]: any;
}

/** What a proxy needs of its session. */
export interface RefOwner {
  /** The caller of one of its calls. */
  capture(below: (...args: never[]) => unknown): Caller;
  /** Calls `path` on the object; null calls the object itself. */
  invoke(ref: Ref, path: string | null, call: ProxyCall): Promise<unknown>;
  /** Reads the object, or the attribute at `path`, by value. */
  read(ref: Ref, path: string | null, caller: Caller): Promise<unknown>;
  /** Enqueues the release of a handle; cheap, never throws. */
  release(handle: number): void;
}

/** The arguments of one proxied call, taken apart. */
export interface ProxyCall {
  args: unknown[];
  kwargs: Readonly<Record<string, unknown>> | null;
  options: CallOptions;
  returnRef: boolean;
  caller: Caller;
}

/** One live handle of a Python object. */
export class Ref {
  private released = false;

  constructor(
    readonly owner: RefOwner,
    /** Number in Python's handle table. */
    readonly handle: number,
    /** What it is, for messages: `statistics`, `statistics.NormalDist`. */
    public label: string,
    /** `file:line` of the TypeScript that made it. */
    public site: string | null,
  ) {
    finalizers.register(this, { owner: new WeakRef(owner), handle }, this);
  }

  /** Names what the handle is of, once the call that made it is known. */
  describe(label: string, site: string | null): void {
    this.label = label;
    this.site = site;
  }

  get disposed(): boolean {
    return this.released;
  }

  /** Releases the handle; later calls through it fail with code `released`. */
  dispose(): void {
    if (this.released) return;
    this.released = true;
    finalizers.unregister(this);
    this.owner.release(this.handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The handle number, for the wire. Throws when the handle is released. */
  use(): number {
    if (this.released) {
      throw new BridgeError(`${this.label} was released and cannot be used any more`, {
        code: 'released',
        hint: `It was made at ${this.site ?? 'an unknown place'}; keep it undisposed as long as it is used.`,
      });
    }
    return this.handle;
  }
}

interface Abandoned {
  owner: WeakRef<RefOwner>;
  handle: number;
}

const finalizers = new FinalizationRegistry<Abandoned>(({ owner, handle }) => {
  owner.deref()?.release(handle);
});

interface ProxyState {
  ref: Ref;
  path: string | null;
  options: CallOptions;
  attributes: Map<string, PyObject>;
}

const states = new WeakMap<object, ProxyState>();

/** The callable face of a handle. */
export function proxyOf(ref: Ref): PyObject {
  return makeProxy({ ref, path: null, options: {}, attributes: new Map() });
}

/** The handle and attribute path behind a proxy; undefined for anything else. */
export function unwrapProxy(value: unknown): { ref: Ref; path: string | null } | undefined {
  if (value instanceof Ref) return { ref: value, path: null };
  return typeof value === 'function' ? states.get(value) : undefined;
}

/** A Python attribute whose name TypeScript's side uses itself, for instance `ref`. */
export function attribute(object: PyObject, name: string): PyObject {
  const state = states.get(object);
  if (!state) throw new TypeError('attribute() takes an object that came from Python');
  return attributeOf(state, name);
}

/** What a Python object or attribute is, by value: `await value(math.pi)`. */
export async function value<T = unknown>(object: PyObject): Promise<T> {
  const state = states.get(object);
  if (!state) throw new TypeError('value() takes an object that came from Python');
  return (await state.ref.owner.read(state.ref, state.path, captureCaller(value))) as T;
}

/** Takes a proxy's argument list apart into arguments, keywords and call options. */
export function splitArguments(
  args: unknown[],
  bound: CallOptions,
): Pick<ProxyCall, 'args' | 'kwargs' | 'options'> {
  const count = args.length;
  // An element at -1 is looked up by name, the slow way.
  if (count === 0) return { args, kwargs: null, options: bound };
  const last = args[count - 1];
  if (last instanceof Kwargs) {
    const options = { ...bound, ...last.options };
    return { args: args.slice(0, -1), kwargs: last.values, options };
  }
  const beforeLast = count > 1 ? args[count - 2] : undefined;
  if (beforeLast instanceof Kwargs) {
    const options = { ...bound, ...beforeLast.options, ...(last as CallOptions) };
    return { args: args.slice(0, -2), kwargs: beforeLast.values, options };
  }
  if (isOptions(last)) {
    return { args: args.slice(0, -1), kwargs: null, options: { ...bound, ...last } };
  }
  return { args, kwargs: null, options: bound };
}

/** Without `kw()`, only an object that holds an AbortSignal is options: it could not be a value. */
function isOptions(value: unknown): value is CallOptions {
  return typeof value === 'object' && value !== null && (value as CallOptions).signal instanceof AbortSignal;
}

function makeProxy(state: ProxyState): PyObject {
  const target = (): void => {};
  const proxy = new Proxy(target, handlerFor(state)) as unknown as PyObject;
  states.set(proxy, state);
  return proxy;
}

function handlerFor(state: ProxyState): ProxyHandler<() => void> {
  const apply = (_target: unknown, _self: unknown, args: unknown[]): Promise<unknown> =>
    start(state, args, false, state.ref.owner.capture(apply));
  const ref = (...args: unknown[]): Promise<unknown> => start(state, args, true, captureCaller(ref));
  return {
    apply,
    get(_target, key) {
      if (typeof key === 'symbol') return symbolMember(state, key);
      if (key === 'then') return undefined;
      if (key === 'ref') return ref;
      if (key === 'with') return (options: CallOptions) => withOptions(state, options);
      return attributeOf(state, key);
    },
    has: (_target, key) => typeof key === 'string' && key !== 'then',
    set: () => {
      throw new BridgeError('attributes of Python objects are set in Python', {
        code: 'unsupported',
        hint: 'Call builtins.setattr with a ref of the object.',
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

/** Whether nothing can be keywords or options: the usual case, and then nothing is looked for. */
function isPlain(args: unknown[]): boolean {
  const count = args.length;
  if (count === 0) return true;
  return typeof args[count - 1] !== 'object' && !(count > 1 && args[count - 2] instanceof Kwargs);
}

function symbolMember(state: ProxyState, key: symbol): unknown {
  if (key === Symbol.dispose) return () => state.path === null && state.ref.dispose();
  if (key === Symbol.toStringTag) return 'PyObject';
  if (key === Symbol.toPrimitive) return () => describe(state);
  if (key === Symbol.for('nodejs.util.inspect.custom')) return () => describe(state);
  return undefined;
}

function describe(state: ProxyState): string {
  const name = state.path === null ? state.ref.label : `${state.ref.label}.${state.path}`;
  return `[Python ${name}]`;
}

function attributeOf(state: ProxyState, name: string): PyObject {
  const known = state.attributes.get(name);
  if (known) return known;
  const path = state.path === null ? name : `${state.path}.${name}`;
  const proxy = makeProxy({ ...state, path, attributes: new Map() });
  state.attributes.set(name, proxy);
  return proxy;
}

function withOptions(state: ProxyState, options: CallOptions): PyObject {
  return makeProxy({
    ...state,
    options: { ...state.options, ...options },
    attributes: new Map(),
  });
}
