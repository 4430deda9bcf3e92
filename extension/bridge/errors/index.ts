/**
 * Purpose: the one home of errors in TypeScript: what a caller of the bridge can catch.
 * Threads: JavaScript main thread only.
 * Must not know: how frames travel; the wire form is a plain object (`ErrorPayload`).
 */
export type { JoinedFrame, Language } from '../stack';
export {
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
export { ERROR_CODES, type ErrorCode } from './codes';
export { type ErrorContext, type ErrorPayload, errorFromPayload } from './fromPayload';
export { type PayloadContext, payloadFromError } from './toPayload';
