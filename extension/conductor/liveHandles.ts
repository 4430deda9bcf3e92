/**
 * Purpose: asks Python which handles are open.
 * Threads: JavaScript main thread.
 * Must not know: VS Code, who shows them.
 */
import type { Bridge } from './openBridge';

/** A live handle as `symphony_bridge._control.handles()` tells of it. */
export interface LiveHandle {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  /** `file:line` that made it; null or empty when that is not known. */
  readonly site: string | null;
  readonly span: number;
  /** On the clock of `process.hrtime`, nanoseconds. */
  readonly opened_ns: number;
  readonly long_lived: boolean;
  readonly reason: string | null;
  /** It outlived the run that made it. */
  readonly leak: boolean;
}

/** A handle that outlived the run that made it. */
export type LeakedHandle = Pick<LiveHandle, 'id' | 'kind' | 'name' | 'site'>;

const ANSWER_WITHIN_MS = 2000;

/**
 * The open handles, with those that outlived a run; none when Python does not answer: after a crash there is nobody
 * to ask, and the error of the run has been told already.
 */
export async function liveHandles(bridge: Bridge): Promise<readonly LiveHandle[]> {
  if (!bridge.running) return [];
  try {
    const options = { deadlineMs: ANSWER_WITHIN_MS };
    return await bridge.call<LiveHandle[]>('symphony_bridge._control:handles', [], options);
  } catch {
    return [];
  }
}
