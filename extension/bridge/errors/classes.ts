/**
 * Purpose: the classes of errors.
 * Threads: JavaScript main thread only.
 * Must not know: payloads, frames of the wire.
 *
 * Every error tells one story: its stack runs in call order through the languages,
 * `code` is for programs, `hint` says what a person can do next.
 */
import type { PyObject } from '../refs';
import { framesOfError, type JoinedFrame } from '../stack';
import { hintFor, isTelling } from './codes';
import { story } from './story';

/** What may be said about an error besides its message. */
export interface ErrorFacts {
  /** Kebab-case word for programs, for instance `closed` or `interpreter-invalid`; see `ERROR_CODES`. */
  code?: string;
  /** The next step for a person; the code's own where nothing better is known. */
  hint?: string | null;
  /** In call order, outermost first. */
  frames?: readonly JoinedFrame[];
  cause?: unknown;
  notes?: readonly string[];
  details?: Record<string, unknown> | null;
  /** The error's own type name where it was raised, for instance `builtins.ValueError`. */
  type?: string;
  /** The exception itself, in Python. */
  exception?: PyObject | null;
  /** What a function of TypeScript threw, where the error passed through one. */
  original?: unknown;
}

/** Anything that goes wrong on, or beyond, the bridge. */
export class BridgeError extends Error {
  declare readonly code: string;
  declare readonly hint: string;
  declare readonly frames: readonly JoinedFrame[];
  declare readonly notes: readonly string[];
  /** Fields of the error: of an OSError its `errno`, of a Pit error the value at fault, and so on. */
  declare readonly details: Record<string, unknown> | null;
  /** The type's name where the error was raised; the class name for our own errors. */
  declare readonly type: string;
  /** The exception itself, in Python, as long as Python keeps it; null when it was not Python's. */
  declare readonly exception: PyObject | null;
  /** What a function of TypeScript threw, the same object; undefined when none did. */
  declare readonly original: unknown;

  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    tell(this, facts);
  }

  /** The hint, when it tells more than the message and the stack do; else null. */
  get tellingHint(): string | null {
    return isTelling(this.code, this.hint) ? this.hint : null;
  }

  /** Node prints the story once, not the fields after it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.stack ?? this.message;
  }
}

/** An exception raised in Python. `type` is its qualified name. */
export class PythonError extends BridgeError {}

/** An error of Rust's, which says what it is of. */
class OperationError extends BridgeError {
  /** For instance `pool`. */
  readonly component: string | null;
  /** For instance `allocate`. */
  readonly operation: string | null;

  constructor(
    message: string,
    facts: ErrorFacts & { component?: string | null; operation?: string | null } = {},
  ) {
    super(message, facts);
    this.component = facts.component ?? null;
    this.operation = facts.operation ?? null;
  }
}

/** An operation of a component in Rust refused or failed. */
export class ComponentError extends OperationError {}

/** An operation of the Pit refused or failed. */
export class PitError extends ComponentError {}

/** A fault in Rust, of the bridge or of a component (code `native-panic`); one of the Pit's is a `PitError`. */
export class NativePanic extends OperationError {}

/** An exposed TypeScript function threw, and Python let it pass; `original` is what it threw. */
export class HostError extends BridgeError {}

/** The bridge closed, or its process ended, while a call was under way or before it began. */
export class BridgeClosed extends BridgeError {
  constructor(message = 'the bridge is closed', facts: ErrorFacts = {}) {
    super(message, { code: 'closed', ...facts });
  }
}

/** A call ended because its caller cancelled it or its deadline passed (code `deadline`). */
export class CallCancelled extends BridgeError {
  constructor(message = 'the call was cancelled', facts: ErrorFacts = {}) {
    super(message, { code: 'cancelled', ...facts });
  }
}

/** A value has no form in the other language; the message names its path and type. */
export class ConversionError extends BridgeError {
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, { code: 'conversion', ...facts });
  }
}

type GroupKind = typeof PythonError | typeof HostError;

const groupKinds = new WeakMap<object, GroupKind>();

/** A group is an AggregateError by inheritance; what else it is, it says itself. Inherited by all classes here. */
Object.defineProperty(BridgeError, Symbol.hasInstance, {
  value(this: object, value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    const kind = groupKinds.get(value as object);
    return kind !== undefined && (kind === this || Object.prototype.isPrototypeOf.call(this, kind));
  },
});

/**
 * An exception group of Python's, or an AggregateError that passed through Python: an AggregateError
 * with all that a BridgeError has, and an instance of `PythonError` or `HostError`, too.
 */
export class ErrorGroup extends AggregateError {
  declare readonly code: string;
  declare readonly hint: string;
  declare readonly frames: readonly JoinedFrame[];
  declare readonly notes: readonly string[];
  declare readonly details: Record<string, unknown> | null;
  declare readonly type: string;
  declare readonly errors: BridgeError[];
  declare readonly exception: PyObject | null;
  declare readonly original: unknown;

  constructor(kind: GroupKind, message: string, errors: readonly BridgeError[], facts: ErrorFacts = {}) {
    super(errors, message, facts.cause === undefined ? undefined : { cause: facts.cause });
    groupKinds.set(this, kind);
    this.name = kind.name;
    tell(this, facts);
  }

  get tellingHint(): string | null {
    return isTelling(this.code, this.hint) ? this.hint : null;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.stack ?? this.message;
  }
}

/** Gives an error its facts. What is part of it, but not of how it is printed, is hidden. */
function tell(error: BridgeError, facts: ErrorFacts): void {
  const code = facts.code ?? 'bridge';
  Object.assign(error, {
    type: facts.type ?? error.name,
    code,
    hint: facts.hint || hintFor(code),
    notes: facts.notes ?? [],
    details: facts.details ?? null,
    frames: facts.frames ?? framesOfError(error),
  });
  const hidden = { configurable: true, enumerable: false, writable: true };
  Object.defineProperty(error, 'exception', { ...hidden, value: facts.exception ?? null });
  Object.defineProperty(error, 'original', { ...hidden, value: facts.original });
  Object.defineProperty(error, 'stack', { ...hidden, value: story(error) });
}
