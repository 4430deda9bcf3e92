/**
 * Purpose: how Python is, in words for a person.
 * Threads: any.
 * Must not know: who is told.
 */
import { formatFrames, type JoinedFrame } from '../bridge/stack';
import { busyStack } from './faultStacks';
import type { Health } from './healthWatch';

/** In a sentence, without a full stop; null while Python answers. */
export function describeHealth(health: Health): string | null {
  if (health.kind === 'well') return null;
  const since = health.since.toTimeString().slice(0, 8);
  if (health.kind === 'silent') return `Python's process has not answered since ${since}`;
  const keeper = busyStack(health.stacks)?.frames.at(-1);
  const who = keeper === undefined ? 'native code' : nameOf(keeper);
  return `Python is stuck in ${who} since ${since}`;
}

/** The sentence, and below it the stack of every thread that is known; null while Python answers. */
export function healthReport(health: Health): string | null {
  const what = describeHealth(health);
  if (what === null) return null;
  const stacks = health.kind === 'stuck' ? health.stacks : [];
  const told = stacks
    .filter(({ frames }) => frames.length > 0)
    .map(({ thread, frames }) => `thread ${thread}\n${formatFrames(frames)}`);
  return [`${what}; no other Python code runs meanwhile`, ...told].join('\n');
}

function nameOf({ function: name, file, line }: JoinedFrame): string {
  return `${name} (${file}:${line})`;
}
