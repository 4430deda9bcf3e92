/**
 * Purpose: one cycle: calls in flight, a fault, and all that has to hold afterwards.
 * Threads: JavaScript main thread only.
 * Must not know: which faults there are.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BridgeError } from '../../extension/bridge/errors';
import { type Bridge, openBridge } from '../../extension/conductor/openBridge';
import { openingWith } from '../bridge/testPython';
import { type Fault, faults } from './faults';
import { MARK, markedAfter, markedProcesses } from './leftovers';
import type { PlannedCycle } from './plan';

/** What calls in flight are given. */
const DEADLINE_MS = 600;
/** From a call's deadline to its end, at the most: the longest is that of a child that is found deaf. */
const AFTER_DEADLINE_MS = 10_000;
/** For the call after the fault, in which a child starts. */
const RECOVERY_MS = 30_000;
/** From the end of a child's calls to that of all its processes. */
const GONE_MS = 3000;
/** How calls may end that a fault hits; `cancelled` where Stop ended the process of a script. */
const ENDS = new Set(['crashed', 'closed', 'deadline', 'abandoned', 'protocol', 'cancelled']);
/** And those that do the harm themselves: what they do may end before it has done any. */
const OWN_ENDS = new Set([...ENDS, 'start-failed', 'python-exception', 'result']);

/** How a cycle went. */
export interface CycleOutcome {
  readonly cycle: number;
  readonly fault: string;
  /** What did not hold; null when all did. */
  readonly failure: string | null;
  /** From the fault to the end of the last call that it hit. */
  readonly endMs: number;
  /** From there to the right answer of the next call. */
  readonly recoveryMs: number;
  /** How the calls ended. */
  readonly codes: readonly string[];
}

/** A bridge, and a place for what it leaves; cycles follow each other on it. */
export class Lane {
  private bridge: Bridge | null = null;

  /**
   * @param name marks the processes of this lane
   * @param folder where it works; its trace and the Pit lie there
   * @param notes where the calls note that they were made
   */
  constructor(
    private readonly name: string,
    private readonly folder: string,
    private readonly notes: string,
  ) {}

  async run(cycle: PlannedCycle): Promise<CycleOutcome> {
    const seen = { endMs: 0, recoveryMs: 0, codes: [] as string[] };
    let failure: string | null = null;
    try {
      await this.perform(cycle, faults[cycle.fault], seen);
    } catch (error) {
      failure = error instanceof BridgeError ? String(error.stack) : String((error as Error).message);
      // The next cycle shall not suffer from this one.
      await this.close();
    }
    return { cycle: cycle.index, fault: cycle.fault, failure, ...seen };
  }

  async close(): Promise<void> {
    const { bridge } = this;
    this.bridge = null;
    await bridge?.close();
  }

  private async perform(
    cycle: PlannedCycle,
    fault: Fault,
    seen: { endMs: number; recoveryMs: number; codes: string[] },
  ): Promise<void> {
    this.bridge ??= await this.open();
    const { bridge } = this;
    const { pid } = bridge.info;
    const notes = join(this.notes, this.name);
    const word = `cycle ${cycle.index}`;
    const inFlight = this.callsInFlight(bridge, notes, word).map(ended);
    await delay(cycle.random() * 40);

    const began = performance.now();
    const { random, turn } = cycle;
    const struck = { bridge, pid, random, turn, processes: () => markedProcesses(this.name) };
    const own = (await fault.strike(struck)).map(ended);
    const limit = DEADLINE_MS + AFTER_DEADLINE_MS;
    const ends = await within(limit, 'calls in flight did not end', Promise.all(inFlight));
    const ownEnds = await within(limit, 'the calls that did the harm did not end', Promise.all(own));
    seen.endMs = performance.now() - began;
    seen.codes.push(...[...ends, ...ownEnds].map(({ code }) => code));
    for (const end of ends) assert.ok(ENDS.has(end.code), `a call in flight ended with: ${end.story}`);
    for (const end of ownEnds) assert.ok(OWN_ENDS.has(end.code), `the harm ended with: ${end.story}`);

    if (fault.closes) {
      await within(RECOVERY_MS, 'close() did not end', bridge.close());
      await this.expectNothingLeft();
      this.bridge = await this.open();
    }
    const next = this.bridge as Bridge;
    const again = performance.now();
    const answer = next.call('chaos_fixture:add_up', [[cycle.index, 40, 2]], { deadlineMs: RECOVERY_MS });
    assert.equal(await within(RECOVERY_MS, 'the next call did not end', answer), cycle.index + 42);
    seen.recoveryMs = performance.now() - again;
    const survived = next.info.pid === pid;
    if (fault.survived !== null) assert.equal(survived, fault.survived, 'whether the child lives on');
    if (survived) await next.restart();
    await this.expectOnly(next.info.pid);
    const noted = existsSync(notes) ? readFileSync(notes, 'utf8') : '';
    const times = noted.split(`${word}\n`).length - 1;
    assert.ok(times <= 1, `a call was made ${times} times`);
  }

  private open(): Promise<Bridge> {
    return openBridge({
      ...openingWith,
      host: 'subprocess',
      workspace: this.folder,
      pitHome: join(this.folder, 'pit'),
      traceFile: join(this.folder, `${this.name}.symtrace`),
      env: { [MARK]: this.name },
      restartPolicy: { crashes: Number.POSITIVE_INFINITY, windowMs: 0, firstDelayMs: 0, longestDelayMs: 0 },
    });
  }

  /** Of every kind, none of which ends by itself. */
  private callsInFlight(bridge: Bridge, notes: string, word: string): Promise<unknown>[] {
    bridge.expose('chaos', { never: () => new Promise(() => {}) });
    const options = { deadlineMs: DEADLINE_MS };
    return [
      bridge.call('chaos_fixture:note_and_wait', [notes, word], options),
      bridge.call('asyncio:sleep', [600], options),
      bridge.call('chaos_fixture:ask_and_wait', ['chaos.never'], options),
      bridge.callRef('time:sleep', [600], options),
    ];
  }

  private async expectNothingLeft(): Promise<void> {
    const left = await markedAfter(this.name, GONE_MS);
    assert.deepEqual(left, [], 'processes that are left');
  }

  /** Of the lane's processes only the child that is used now. */
  private async expectOnly(pid: number): Promise<void> {
    let others: number[] = [];
    for (const until = Date.now() + GONE_MS; Date.now() < until; await delay(20)) {
      others = markedProcesses(this.name).filter((other) => other !== pid);
      if (others.length === 0) return;
    }
    assert.deepEqual(others, [], 'processes that are left beside the new child');
  }
}

/** How a call ended: in a word, and as a reader of failures wants it. */
interface Ending {
  readonly code: string;
  readonly story: string;
}

function ended(call: Promise<unknown>): Promise<Ending> {
  return call.then(
    () => ({ code: 'result', story: 'result' }),
    (error) => {
      const code = error instanceof BridgeError ? error.code : 'untyped';
      return { code, story: `${code}: ${error instanceof Error ? error.stack : error}` };
    },
  );
}

async function within<T>(ms: number, otherwise: string, promise: Promise<T>): Promise<T> {
  const waiting = new AbortController();
  const late = delay(ms, null, { signal: waiting.signal }).then(() => {
    throw new Error(`${otherwise} within ${ms} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    waiting.abort();
  }
}
