/**
 * Purpose: whether Python lives, on two levels: its process answers, and its interpreter answers.
 * Threads: JavaScript main thread only.
 * Must not know: which host it is, what is done about a Python that does not answer.
 *
 * Looks only while calls are in flight: an idle Python need not prove anything.
 */
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { Emitter } from '../bridge/emitter';
import type { Session } from '../bridge/session';
import { type PythonStack, pythonStacks } from './faultStacks';

/** How Python is. */
export type Health =
  | { readonly kind: 'well' }
  /** The process answers, the interpreter does not: some code keeps it. */
  | { readonly kind: 'stuck'; readonly since: Date; readonly stacks: readonly PythonStack[] }
  /** Not even the process answers: it is suspended, or the machine is. */
  | { readonly kind: 'silent'; readonly since: Date };

/** Milliseconds. */
export interface HealthTimes {
  /** Between two looks. */
  every: number;
  /** An answer that takes longer is late. */
  late: number;
}

const TIMES: HealthTimes = { every: 1000, late: 2000 };
const LATE: unique symbol = Symbol('late');
const WELL: Health = { kind: 'well' };

export class HealthWatch {
  private readonly changes = new Emitter<Health>();
  /** Fires when Python stops to answer, and when it answers again. */
  readonly onDidChange = this.changes.on;
  private health: Health = WELL;
  private isExpecting = false;
  private isLooking = false;

  /** @param session the one to look at, which a restart replaces */
  constructor(
    private readonly session: () => Session,
    private readonly times = TIMES,
  ) {}

  get current(): Health {
    return this.health;
  }

  /** Whether calls are in flight. */
  expect(isExpecting: boolean): void {
    this.isExpecting = isExpecting;
    if (!isExpecting || this.isLooking) return;
    this.isLooking = true;
    void this.look().finally(() => {
      this.isLooking = false;
    });
  }

  private async look(): Promise<void> {
    while (this.isExpecting) {
      await delay(this.times.every, undefined, { ref: false });
      const session = this.session();
      if (!this.isExpecting || session.closed) break;
      const since = new Date();
      // A session that ends has no answer, and its calls tell why.
      const answer = session.pingInterpreter().catch(() => undefined);
      if ((await this.inTime(answer)) === LATE) {
        this.set(await this.diagnose(session, since));
        await answer;
      }
      this.set(WELL);
    }
    this.set(WELL);
  }

  private async diagnose(session: Session, since: Date): Promise<Health> {
    const stacks = await this.inTime(session.stacks().catch(() => ''));
    return stacks === LATE
      ? { kind: 'silent', since }
      : { kind: 'stuck', since, stacks: pythonStacks(stacks) };
  }

  /** The answer, or LATE. */
  private async inTime<T>(answer: Promise<T>): Promise<T | typeof LATE> {
    const over = new AbortController();
    const late = delay(this.times.late, undefined, { ref: false, signal: over.signal })
      // We may have been held up ourselves: what came meanwhile is read first.
      .then(() => nextTurn())
      .then(() => nextTurn())
      .then(
        (): typeof LATE => LATE,
        (): typeof LATE => LATE,
      );
    const first = await Promise.race([answer, late]);
    over.abort();
    return first;
  }

  private set(health: Health): void {
    if (health === this.health) return;
    this.health = health;
    this.changes.fire(health);
  }
}
