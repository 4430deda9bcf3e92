/**
 * Purpose: the child process itself: spawn, streams, how it ended, and that nothing of it is left.
 * Threads: JavaScript main thread.
 * Must not know: frames, sessions, Python's runtime.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';
import { Emitter } from '../bridge/emitter';
import { atExit } from './atExit';
import type { HostOutput } from './host';
import { TailBuffer } from './tailBuffer';

/** Kept of stderr, for the report of a crash. */
const STDERR_TAIL = 64 * 1024;
/** Pipes may stay open in grandchildren: an exit is not waited for longer than this. */
const DRAIN_AFTER_EXIT_MS = 250;
/** More turns of the loop than a full pipe can fill, however it was enlarged. */
const MOST_TURNS = 8;
const TERM_AFTER_MS = 2000;
const KILL_AFTER_MS = 1000;

/** How the process ended. */
export interface ChildExit {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stderrTail: string;
}

/** A command to run. */
export interface ChildCommand {
  file: string;
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** First line on stdin; stdin stays open, as the child's sign that we live. */
  firstLine: string;
}

/** One child, the leader of its own process group. */
export class ChildProcess {
  /** Resolves once it has ended and what it printed was delivered; never rejects. */
  readonly exited: Promise<ChildExit>;
  private readonly outputs = new Emitter<HostOutput>();
  readonly onDidOutput = this.outputs.on;
  private readonly tail = new TailBuffer(STDERR_TAIL);
  private readonly child: ChildProcessWithoutNullStreams;
  private received = 0;
  private ended = false;
  private readonly callOffKill: () => void;

  /** @throws nothing: a failed spawn shows as an exit with the reason in `stderrTail` */
  constructor(command: ChildCommand) {
    const { file, args, cwd, env } = command;
    // Its own group: children of the script end with it, and Ctrl+C in our terminal stays ours.
    this.child = spawn(file, args, { cwd, env, stdio: 'pipe', detached: true });
    this.exited = this.watch();
    this.read(this.child.stdout, 'stdout');
    this.read(this.child.stderr, 'stderr');
    this.child.stdin.on('error', () => {});
    this.child.stdin.write(`${command.firstLine}\n`);
    this.callOffKill = atExit(() => this.signalGroup('SIGKILL'));
  }

  /** 0 when the spawn failed. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  get stderrTail(): string {
    return this.tail.toString();
  }

  /** Whether the process keeps ours alive. */
  hold(hold: boolean): void {
    const change = hold ? 'ref' : 'unref';
    this.child[change]();
    for (const stream of [this.child.stdin, this.child.stdout, this.child.stderr]) {
      (stream as unknown as Socket)[change]();
    }
  }

  /** Waits for the end, then asks, then forces; the whole group is gone afterwards. */
  async end(graceMs = TERM_AFTER_MS): Promise<ChildExit> {
    this.hold(true);
    if (!(await this.endsWithin(graceMs))) {
      this.child.stdin.end();
      this.signalGroup('SIGTERM');
      if (!(await this.endsWithin(KILL_AFTER_MS))) this.signalGroup('SIGKILL');
    }
    return this.exited;
  }

  /** Ends it without asking. */
  kill(): Promise<ChildExit> {
    this.hold(true);
    this.signalGroup('SIGKILL');
    return this.exited;
  }

  /** Resolves when what the child printed so far has been delivered, also while it goes on printing. */
  async drain(): Promise<void> {
    // A pipe holds less than one read takes, so a whole turn of the loop without data means empty; and whatever comes
    // after a few turns was printed after this was called.
    for (let quiet = 0, turns = 0; quiet < 2 && turns < MOST_TURNS; turns++) {
      const seen = this.received;
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.received === seen ? quiet + 1 : 0;
    }
  }

  private async endsWithin(ms: number): Promise<boolean> {
    const waiting = new AbortController();
    const late = delay(ms, false, { signal: waiting.signal }).catch(() => false);
    const ended = await Promise.race([this.exited.then(() => true), late]);
    waiting.abort();
    return ended;
  }

  private signalGroup(signal: NodeJS.Signals): void {
    if (!this.child.pid || this.ended) return;
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // The group is gone already.
    }
  }

  private read(stream: NodeJS.ReadableStream, name: HostOutput['stream']): void {
    const decoder = new StringDecoder('utf8');
    stream.on('data', (data: Buffer) => {
      this.received += data.length;
      if (name === 'stderr') this.tail.push(data);
      const text = decoder.write(data);
      if (text) this.outputs.fire({ stream: name, text });
    });
    stream.on('error', () => {});
    stream.on('end', () => {
      const rest = decoder.end();
      if (rest) this.outputs.fire({ stream: name, text: rest });
    });
  }

  private watch(): Promise<ChildExit> {
    return new Promise((resolve) => {
      const finish = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
        if (this.ended) return;
        // Grandchildren that outlived it; `ended` must still be false for the signal to go out.
        this.signalGroup('SIGKILL');
        this.ended = true;
        this.callOffKill();
        resolve({ exitCode, signal, stderrTail: this.stderrTail });
      };
      this.child.once('error', (error) => {
        this.tail.push(Buffer.from(`${error.message}\n`));
        finish(null, null);
      });
      this.child.once('exit', (exitCode, signal) => {
        setTimeout(() => finish(exitCode, signal), DRAIN_AFTER_EXIT_MS);
      });
      this.child.once('close', finish);
    });
  }
}
