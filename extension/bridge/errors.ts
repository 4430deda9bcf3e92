/**
 * Purpose: the one home of errors in TypeScript: what a caller of the bridge can catch.
 * Threads: JavaScript main thread only.
 * Must not know: how frames travel; the wire form is a plain object (`ErrorPayload`).
 *
 * Every error tells one story: its stack runs in call order through the languages,
 * `code` is for programs, `hint` says what a person can do next.
 */
import { formatFrames, framesOfError, type JoinedFrame } from './stack';

export type { JoinedFrame, Language } from './stack';

/** What may be said about an error besides its message. */
export interface ErrorFacts {
  /** Kebab-case word for programs, for instance `closed` or `interpreter-invalid`. */
  code?: string;
  /** The next step for a person; null when there is nothing better than the message. */
  hint?: string | null;
  /** In call order, outermost first. */
  frames?: readonly JoinedFrame[];
  cause?: unknown;
  notes?: readonly string[];
  details?: Record<string, unknown> | null;
  /** The error's own type name where it was raised, for instance `builtins.ValueError`. */
  type?: string;
}

/** The error form on the wire, the same in both directions. */
export interface ErrorPayload {
  type: string;
  message: string;
  code: string;
  hint?: string | null;
  frames: JoinedFrame[];
  cause?: ErrorPayload | null;
  notes?: string[];
  details?: Record<string, unknown> | null;
  origin?: 'python' | 'pit' | 'host' | 'bridge';
  component?: string | null;
  operation?: string | null;
  /** Number under which TypeScript keeps the object an exposed function threw; 0 = none. */
  ref?: number;
  /** JavaScript's own stack text, for errors that exposed functions throw. */
  stack?: string;
}

/** Anything that goes wrong on, or beyond, the bridge. */
export class BridgeError extends Error {
  readonly code: string;
  readonly hint: string | null;
  readonly frames: readonly JoinedFrame[];
  readonly notes: readonly string[];
  readonly details: Record<string, unknown> | null;
  /** The type's name where the error was raised; the class name for our own errors. */
  readonly type: string;

  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.type = facts.type ?? this.name;
    this.code = facts.code ?? 'bridge';
    this.hint = facts.hint ?? null;
    this.notes = facts.notes ?? [];
    this.details = facts.details ?? null;
    this.frames = facts.frames ?? framesOfError(this);
    Object.defineProperty(this, 'stack', {
      configurable: true,
      writable: true,
      value: story(this, new Set()),
    });
  }

  /** Node prints the story once, not the fields after it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.stack ?? this.message;
  }
}

/** An exception raised in Python. `type` is its qualified name. */
export class PythonError extends BridgeError {}

/** An operation of the Pit refused or failed. */
export class PitError extends BridgeError {
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

/** An exposed TypeScript function threw, and Python let it pass. */
export class HostError extends BridgeError {
  /** What the function threw, the same object; undefined when it is no longer kept. */
  readonly original: unknown;

  constructor(message: string, facts: ErrorFacts & { original?: unknown } = {}) {
    super(message, facts);
    this.original = facts.original;
  }
}

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

/** What `errorFromPayload` needs of the session. */
export interface ErrorContext {
  /** TypeScript frames of the caller, put before the frames of the payload. */
  caller?: readonly JoinedFrame[];
  /** Turns a path of the payload into one an editor can open. */
  resolveFile?(file: string): string;
  /** Finds the object an exposed function threw. */
  originalOf?(payload: ErrorPayload): unknown;
}

/** Makes the error that an ERROR frame describes. Never throws: a bad payload is told as such. */
export function errorFromPayload(value: unknown, context: ErrorContext = {}): BridgeError {
  const payload = checkPayload(value);
  const resolveFile = context.resolveFile ?? ((file: string) => file);
  const frames = [
    ...(context.caller ?? []),
    ...payload.frames.map((frame) => ({ ...frame, file: resolveFile(frame.file) })),
  ];
  const { caller: _, ...below } = context;
  const facts: ErrorFacts = {
    code: payload.code,
    hint: payload.hint || null,
    frames,
    notes: payload.notes,
    details: payload.details,
    type: payload.type,
    cause: payload.cause ? errorFromPayload(payload.cause, below) : undefined,
  };
  return construct(payload, facts, context);
}

function construct(payload: ErrorPayload, facts: ErrorFacts, context: ErrorContext): BridgeError {
  const { message } = payload;
  if (payload.code === 'cancelled' || payload.code === 'deadline') {
    return new CallCancelled(message, facts);
  }
  if (payload.code === 'closed') return new BridgeClosed(message, facts);
  if (payload.code === 'conversion') return new ConversionError(message, facts);
  switch (payload.origin) {
    case 'pit': {
      const { component, operation } = payload;
      return new PitError(message, { ...facts, component: component || null, operation: operation || null });
    }
    case 'host':
      return new HostError(message, { ...facts, original: context.originalOf?.(payload) });
    case 'python':
      return new PythonError(message, facts);
    default:
      return new BridgeError(message, facts);
  }
}

/** The wire form of anything that was thrown. */
export function payloadFromError(thrown: unknown): ErrorPayload {
  if (thrown instanceof BridgeError) {
    return {
      type: thrown.type,
      message: thrown.message,
      code: thrown.code,
      hint: thrown.hint,
      frames: thrown.frames.map((frame) => ({ ...frame })),
      cause: thrown.cause === undefined ? null : payloadFromError(thrown.cause),
      notes: [...thrown.notes],
      details: null,
      ref: 0,
      stack: thrown.stack,
    };
  }
  if (thrown instanceof Error) {
    return {
      type: thrown.name,
      message: thrown.message,
      code: codeOf(thrown),
      hint: null,
      frames: framesOfError(thrown),
      cause: thrown.cause === undefined ? null : payloadFromError(thrown.cause),
      notes: [],
      details: null,
      ref: 0,
      stack: thrown.stack ?? `${thrown.name}: ${thrown.message}`,
    };
  }
  const message = typeof thrown === 'string' ? thrown : `a value was thrown: ${printable(thrown)}`;
  return {
    type: typeof thrown,
    message,
    code: 'host-error',
    hint: null,
    frames: [],
    cause: null,
    notes: [],
    details: null,
    ref: 0,
    stack: message,
  };
}

function codeOf(error: Error): string {
  if (error.name === 'AbortError') return 'cancelled';
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^[a-z][a-z0-9-]*$/.test(code) ? code : 'host-error';
}

function printable(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

function checkPayload(value: unknown): ErrorPayload {
  const payload = value as Partial<ErrorPayload> | null;
  if (typeof payload !== 'object' || payload === null || typeof payload.message !== 'string') {
    return {
      type: 'BridgeError',
      message: `the other side reported an error in a form that is not understood: ${printable(value)}`,
      code: 'protocol',
      frames: [],
      origin: 'bridge',
    };
  }
  return {
    ...payload,
    type: payload.type ?? 'Error',
    message: payload.message,
    code: payload.code ?? 'bridge',
    frames: Array.isArray(payload.frames) ? payload.frames : [],
  };
}

/** The joined stack: what happened, what to do, the frames, then what caused it. */
function story(error: BridgeError, seen: Set<unknown>): string {
  seen.add(error);
  const type = error.type === error.name ? '' : ` [${error.type}]`;
  const parts = [`${error.name}${type}: ${error.message}`];
  if (error.hint) parts.push(`  hint: ${error.hint}`);
  for (const note of error.notes) parts.push(`  note: ${note}`);
  if (error.frames.length > 0) parts.push(formatFrames(error.frames));
  const { cause } = error;
  if (cause !== undefined && !seen.has(cause)) parts.push(indentCause(cause, seen));
  return parts.join('\n');
}

function indentCause(cause: unknown, seen: Set<unknown>): string {
  const text =
    cause instanceof BridgeError
      ? story(cause, seen)
      : cause instanceof Error
        ? (cause.stack ?? cause.message)
        : printable(cause);
  return `caused by ${text}`;
}
