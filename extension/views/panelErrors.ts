/**
 * A `BridgeError` as the panel shows it.
 *
 * Must not know: VS Code, the trace.
 */
import { type ErrorPayload, payloadFromError } from '../bridge/errors';
import type { PanelError } from '../protocol/panelMessages';

/** Anything that was thrown, with its frames in call order and its causes. */
export function panelError(thrown: unknown): PanelError {
  return fromPayload(payloadFromError(thrown));
}

function fromPayload(payload: ErrorPayload): PanelError {
  return {
    type: payload.type,
    message: payload.message,
    code: payload.code,
    hint: payload.hint ?? null,
    notes: payload.notes ?? [],
    atNs: null,
    span: null,
    frames: payload.frames,
    cause: payload.cause ? fromPayload(payload.cause) : null,
    members: (payload.errors ?? []).flatMap((member) => (member ? [fromPayload(member)] : [])),
  };
}
