/**
 * Purpose: what a call is told whose session has ended.
 * Threads: JavaScript main thread only.
 * Must not know: sessions.
 */
import { BridgeClosed, BridgeError, CallCancelled, type ErrorFacts } from './errors';
import type { OutgoingCall } from './outgoing';
import type { JoinedFrame } from './stack';

/** A new error per call: each shows its own caller, then where Python was, if that is known. */
export function closedError(
  reason: BridgeError,
  call: OutgoingCall,
  caller: readonly JoinedFrame[],
): BridgeError {
  const facts: ErrorFacts = {
    code: reason.code,
    hint: reason.hint,
    notes: reason.notes,
    details: reason.details,
    frames: [...caller, ...reason.frames.filter(({ language }) => language !== 'typescript')],
  };
  if (reason instanceof CallCancelled) return new CallCancelled(reason.message, facts);
  const message = `${call.label} got no answer: ${reason.message}`;
  return reason instanceof BridgeClosed ? new BridgeClosed(message, facts) : new BridgeError(message, facts);
}
