/**
 * Purpose: the error that an ERROR frame describes.
 * Threads: JavaScript main thread only.
 * Must not know: how frames travel.
 */
import type { PyObject } from '../refs';
import type { JoinedFrame } from '../stack';
import {
  BridgeClosed,
  BridgeError,
  CallCancelled,
  ComponentError,
  ConversionError,
  type ErrorFacts,
  ErrorGroup,
  HostError,
  NativePanic,
  PitError,
  PythonError,
} from './classes';
import { printable } from './story';

/** The error form on the wire, the same in both directions. */
export interface ErrorPayload {
  type: string;
  message: string;
  code: string;
  hint?: string | null;
  frames: JoinedFrame[];
  cause?: ErrorPayload | null;
  /** Members of a group; null or absent for any other error. */
  errors?: (ErrorPayload | null)[] | null;
  notes?: string[];
  details?: Record<string, unknown> | null;
  origin?: 'python' | 'component' | 'pit' | 'host' | 'bridge';
  component?: string | null;
  operation?: string | null;
  /** From Python: the exception itself, by reference. */
  exception?: unknown;
  /** To Python: the handle under which it keeps the exception that this error was there; 0 = none. */
  ref?: number;
  /** What was thrown in TypeScript, by reference, as the only element; null = nothing was. */
  original?: readonly unknown[] | null;
  /** JavaScript's own stack text, for errors that exposed functions throw. */
  stack?: string;
}

/** What `errorFromPayload` needs of the session. */
export interface ErrorContext {
  /** TypeScript frames of the caller, put before the frames of the payload. */
  caller?: readonly JoinedFrame[];
  /** Turns a path of the payload into one an editor can open. */
  resolveFile?(file: string): string;
}

/** No correct peer sends more; a chain as deep as this would only cost time. */
const DEEPEST = 64;

/** Makes the error that an ERROR frame describes. Never throws: a bad payload is told as such. */
export function errorFromPayload(value: unknown, context: ErrorContext = {}): BridgeError {
  return made(value, context, 0);
}

function made(value: unknown, context: ErrorContext, depth: number): BridgeError {
  const payload = checked(value);
  const { caller, ...below } = context;
  const inner = (part: unknown): BridgeError => made(part, below, depth + 1);
  const facts: ErrorFacts = {
    code: payload.code,
    hint: payload.hint,
    frames: [...(caller ?? []), ...payload.frames.map((frame) => resolved(frame, context))],
    notes: payload.notes,
    details: payload.details,
    type: payload.type,
    cause: payload.cause && depth < DEEPEST ? inner(payload.cause) : undefined,
    exception: (payload.exception as PyObject | null | undefined) ?? null,
    original: payload.original?.[0],
  };
  const members =
    depth < DEEPEST ? payload.errors?.filter((member) => member !== null).map(inner) : undefined;
  return construct(payload, facts, members);
}

function construct(
  payload: ErrorPayload,
  facts: ErrorFacts,
  members: readonly BridgeError[] | undefined,
): BridgeError {
  const { message, origin } = payload;
  if (members) return new ErrorGroup(origin === 'host' ? HostError : PythonError, message, members, facts);
  if (payload.code === 'cancelled' || payload.code === 'deadline') {
    return new CallCancelled(message, facts);
  }
  if (payload.code === 'closed') return new BridgeClosed(message, facts);
  if (payload.code === 'conversion') return new ConversionError(message, facts);
  const ofRust = { ...facts, component: payload.component, operation: payload.operation };
  switch (origin) {
    case 'component':
      return new ComponentError(message, ofRust);
    case 'pit':
      return new PitError(message, ofRust);
    case 'host':
      return new HostError(message, facts);
    case 'python':
      return new PythonError(message, facts);
    default:
      return payload.code === 'native-panic'
        ? new NativePanic(message, ofRust)
        : new BridgeError(message, facts);
  }
}

function resolved(frame: JoinedFrame, { resolveFile }: ErrorContext): JoinedFrame {
  return resolveFile ? { ...frame, file: resolveFile(frame.file) } : frame;
}

/** Everything of the right type, or left out: the peer may be of another build, or broken. */
function checked(value: unknown): ErrorPayload {
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
    message: payload.message,
    type: text(payload.type) ?? 'Error',
    code: text(payload.code) ?? 'bridge',
    hint: text(payload.hint),
    frames: list(payload.frames).filter(isFrame),
    notes: list(payload.notes).filter((note): note is string => typeof note === 'string'),
    details: plain(payload.details),
    cause: typeof payload.cause === 'object' ? payload.cause : null,
    errors: Array.isArray(payload.errors) ? payload.errors : null,
    original: Array.isArray(payload.original) ? payload.original : null,
    component: text(payload.component),
    operation: text(payload.operation),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function plain(value: unknown): Record<string, unknown> | null {
  if (value instanceof Map) return Object.fromEntries(value) as Record<string, unknown>;
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function isFrame(value: unknown): value is JoinedFrame {
  const { language, function: name, file, line } = (value ?? {}) as Partial<JoinedFrame>;
  return [language, name, file].every((part) => typeof part === 'string') && typeof line === 'number';
}
