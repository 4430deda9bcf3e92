/**
 * What is known of a crash, in the form in which it is kept on disk and shown in the panel. No argument values, no
 * error messages: names and places only.
 *
 * Must not know: VS Code, the DOM, how the facts are found.
 */
import type { JoinedFrame } from './joinedFrame';
import type { SourceSite, TraceLanguage } from './trace/model';

/** A Python thread at the moment of a fatal signal, as faulthandler printed it. */
export interface CrashStack {
  /** For instance `0x00007f0e5c2d3740`, with its name where Python tells it. */
  thread: string;
  /** The thread that the signal came to. */
  faulting: boolean;
  /** In call order, outermost first. */
  frames: JoinedFrame[];
}

/** A call, mostly over a language border, as the recorder saw it. */
export interface CrashCrossing {
  name: string;
  from: TraceLanguage;
  to: TraceLanguage;
  /** Name of the thread it ran on. */
  thread: string;
  /** The calling line; null when it is not recorded. */
  site: SourceSite | null;
  /** From its begin to the last event of the recording, in ns. */
  agoNs: number;
  /** null when it was under way at the end. */
  tookNs: number | null;
  failed: boolean;
}

/** The end of a recording. */
export interface CrashCrossings {
  /** Begun and not ended, also inside one language: for each thread what it was in, the innermost call last. */
  underWay: CrashCrossing[];
  /** The last that were begun, the newest last; those under way among them. */
  recent: CrashCrossing[];
}

export interface CrashReport {
  /** Names its files; begins with the time, so that the order of ids is their age. */
  id: string;
  host: 'embedded' | 'subprocess';
  /** One sentence without a full stop: `Python's process crashed with SIGSEGV`. */
  what: string;
  /** What the signal or exit code means, in words; null when it says nothing. */
  meaning: string | null;
  signal: string | null;
  exitCode: number | null;
  /** Path of the interpreter, and its version. */
  interpreter: string;
  version: string;
  pid: number;
  workspace: string;
  /** Milliseconds since 1970. Of an extension host: when the recording ends, which is all that is left to tell it. */
  atMs: number;
  /** Empty in the embedded host, where nothing lives on to print them. */
  stacks: CrashStack[];
  /** null when nothing was recorded. */
  crossings: CrashCrossings | null;
  /** The recording, kept beside the report; null when there is none. */
  traceFile: string | null;
}
