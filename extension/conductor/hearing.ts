/**
 * Purpose: finds out whether a child that was told to give a call up still listens. One that is stopped, or whose native
 * code keeps the GIL, never does.
 * Threads: JavaScript main thread.
 * Must not know: processes, and what becomes of a deaf one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Session } from '../bridge/session';

/** Python gets to a question within a switch interval, unless native code keeps the GIL: so long it may. */
const PATIENCE_S = 5;

/** What is needed of a session. */
export type Listener = Pick<Session, 'onDidCancel' | 'hasCancelled' | 'closed' | 'pingInterpreter'>;

/**
 * Calls `act` once the child is found deaf. It is asked only while cancelled calls are unanswered: a Python that is just
 * busy is nobody's concern.
 */
export function whenDeaf(session: Listener, act: () => void, secondMs = 1000): void {
  const second = (): Promise<void> => delay(secondMs, undefined, { ref: false });
  let asking = false;
  session.onDidCancel(async () => {
    if (asking) return;
    asking = true;
    // What is answered at once is not asked about.
    await second();
    while (session.hasCancelled && !session.closed) {
      if (!(await isAnswered(session, second))) {
        act();
        break;
      }
      await second();
    }
    asking = false;
  });
}

async function isAnswered(session: Listener, second: () => Promise<void>): Promise<boolean> {
  let answered = false;
  const settled = (): void => {
    answered = true;
  };
  // Also when the session ends: then there is nothing to find out any more.
  session.pingInterpreter().then(settled, settled);
  // In single seconds: a suspended editor loses one of them, not all; its child may have been suspended with it.
  for (let i = 0; i < PATIENCE_S && !answered; i++) await second();
  return answered;
}
