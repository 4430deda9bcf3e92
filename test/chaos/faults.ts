/**
 * Purpose: the faults: each does harm while calls are in flight.
 * Threads: JavaScript main thread only.
 * Must not know: what has to hold afterwards.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CallOptions } from '../../extension/bridge/callOptions';
import type { Bridge } from '../../extension/conductor/openBridge';
import { runScript } from '../../extension/conductor/runScript';
import { wireFaults } from './wireFaults';

/** Where a fault strikes. */
export interface Struck {
  readonly bridge: Bridge;
  /** The child. */
  readonly pid: number;
  readonly random: () => number;
  /** How often this fault has struck before. */
  readonly turn: number;
  /** Processes that the bridge's children have started, themselves included. */
  processes(): number[];
}

export interface Fault {
  /** Does the harm. The calls that it makes have to end like all others. */
  strike(struck: Struck): Promise<Promise<unknown>[]>;
  /** Whether the child lives on; null when that is not certain. */
  readonly survived: boolean | null;
  /** The bridge is closed by it, and opened anew. */
  readonly closes?: boolean;
}

/** A wait that only a cancellation ends; each call has its time. */
const LIMIT = { deadlineMs: 600 };
/** Shorter than a cycle waits for a call's end. */
const DEADLY_MS = 10_000;
/** As long as nothing goes wrong, so long that nobody waits for it. */
const LONG_S = 600;

const signal = (name: NodeJS.Signals, survived = false): Fault => ({
  survived,
  strike: async ({ pid }) => {
    process.kill(pid, name);
    return [];
  },
});

/** Something that a function of the fixture does. */
const python = (name: string, survived: boolean | null, ...args: unknown[]): Fault => ({
  survived,
  strike: async ({ bridge }) => [bridge.call(`chaos_fixture:${name}`, args, LIMIT)],
});

/** A function of the fixture that ends the process, however late it gets to it. */
const deadly = (name: string, args: unknown[] = [], options: CallOptions = {}): Fault => ({
  survived: false,
  strike: async ({ bridge }) => [
    bridge.call(`chaos_fixture:${name}`, args, { deadlineMs: DEADLY_MS, ...options }),
  ],
});

/** As `python`, and something comes on top of it a moment later. */
const then = (first: Fault, next: Fault, afterMs: number): Fault => ({
  survived: next.survived,
  closes: next.closes,
  strike: async (struck) => {
    const calls = await first.strike(struck);
    await delay(afterMs);
    return [...calls, ...(await next.strike(struck))];
  },
});

const close: Fault = {
  survived: false,
  closes: true,
  strike: async ({ bridge }) => {
    void bridge.close();
    return [];
  },
};

const restart: Fault = {
  survived: false,
  strike: async ({ bridge }) => {
    void bridge.restart();
    return [];
  },
};

/** What never ends is ended with its process: it is stopped once it loops. */
const stoppedScript = (script: string): Fault => ({
  survived: false,
  strike: async ({ bridge }) => {
    const stop = new AbortController();
    const loops = new Promise<void>((resolve) => {
      // Also what was printed before the cycle may come only now.
      const watch = bridge.onDidOutput(({ text }) => {
        if (!text.includes('looping')) return;
        watch.dispose();
        resolve();
      });
    });
    const path = join('test', 'fixtures', 'scripts', `${script}.conductor.py`);
    const run = runScript(bridge, path, { signal: stop.signal });
    await Promise.race([loops, run.catch(() => {})]);
    stop.abort();
    return [run];
  },
});

/** The child dies, and the one that takes its place dies before it is ready. */
const diesAtStart: Fault = {
  survived: false,
  strike: async ({ bridge, pid, processes }) => {
    const gone = bridge.call('time:sleep', [LONG_S], LIMIT).catch(() => {});
    process.kill(pid, 'SIGKILL');
    await gone;
    const call = bridge.call('builtins:abs', [1]);
    // Handled below; until then it must not count as forgotten.
    call.catch(() => {});
    let next: number | undefined;
    while (next === undefined) {
      await delay(1);
      next = processes().find((other) => other !== pid);
    }
    process.kill(next, 'SIGKILL');
    return [call];
  },
};

export const faults: Readonly<Record<string, Fault>> = {
  kill: signal('SIGKILL'),
  terminate: signal('SIGTERM'),
  'hang up': signal('SIGHUP'),
  interrupt: signal('SIGINT', true),
  freeze: signal('SIGSTOP'),
  'freeze and close': then(signal('SIGSTOP'), close, 10),
  'freeze for a moment': then(signal('SIGSTOP'), signal('SIGCONT', true), 300),
  exit: deadly('leave', [5]),
  abort: deadly('abort'),
  'segmentation fault': deadly('segmentation_fault'),
  'segmentation fault on the main thread': deadly('segmentation_fault', [], { mainThread: true }),
  'hold the GIL': python('hold_the_gil', false),
  'hold the GIL and close': then(python('hold_the_gil', false), close, 50),
  'deaf loop': python('deaf_loop', true),
  'deaf script': stoppedScript('deaf'),
  'hold up the event loop': python('hold_up_the_loop', true),
  'memory error': python('exhaust_memory', true),
  'no memory for the reply': python('reply_without_memory', null),
  'no memory at all': python('exhaust_memory_for_good', null),
  'no descriptors': python('exhaust_descriptors', true),
  'children of the child': then(python('start_children', true), signal('SIGKILL'), 100),
  'forks of the child': then(python('fork_twice', true), signal('SIGKILL'), 100),
  'fork that crashes': python('fork_and_crash', true),
  'flood of prints': then(python('print_for_ever', true), signal('SIGKILL'), 100),
  'flood of prints and close': then(python('print_for_ever', true), close, 100),
  'closed streams': python('close_streams', true),
  'closed descriptors': python('close_descriptors', null),
  'deaf to SIGTERM': then(python('ignore_sigterm', true), close, 20),
  close,
  restart,
  'death at the start': diesAtStart,
  ...wireFaults,
};
