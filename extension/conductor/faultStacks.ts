/**
 * Purpose: reads the stacks that Python's faulthandler writes.
 * Threads: any.
 * Must not know: who asked for them, and why.
 */
import type { JoinedFrame } from '../protocol/joinedFrame';

/** The stack of one thread of Python's. */
export interface PythonStack {
  /** As Python tells it: its ident in hexadecimal, and its name where the version gives one. */
  readonly thread: string;
  /** The thread that wrote, or crashed. */
  readonly current: boolean;
  /** In call order; empty for a thread without Python code. */
  readonly frames: readonly JoinedFrame[];
}

/** Every stack in the text, which may have other lines around them. */
export function pythonStacks(text: string): PythonStack[] {
  const stacks: { thread: string; current: boolean; frames: JoinedFrame[] }[] = [];
  let isInside = false;
  for (const line of text.split('\n')) {
    const head = /^(Current thread|Thread) (.+) \(most recent call first\):$/.exec(line);
    if (head) {
      stacks.push({ thread: head[2], current: head[1] !== 'Thread', frames: [] });
      isInside = true;
      continue;
    }
    const frame = /^ {2}File "(.+)", line (\d+) in (.+)$/.exec(line);
    isInside = isInside && frame !== null;
    if (!isInside || frame === null) continue;
    const [, file, number, name] = frame;
    stacks.at(-1)?.frames.unshift({ language: 'python', function: name, file, line: Number(number) });
  }
  return stacks;
}

/**
 * The thread that most likely keeps the interpreter: the first whose innermost code is not ours, for ours waits without
 * the interpreter.
 */
export function busyStack(stacks: readonly PythonStack[]): PythonStack | undefined {
  return stacks.find(({ frames }) => frames.length > 0 && !isOurs(frames[frames.length - 1]));
}

function isOurs({ file }: JoinedFrame): boolean {
  return /[\\/]symphony_bridge[\\/]/.test(file ?? '');
}
