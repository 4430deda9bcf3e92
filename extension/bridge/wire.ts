/**
 * Purpose: frames as the session thinks of them, over the codec: defaults of the header, handles
 * that were given out for a frame that could not be packed.
 * Threads: JavaScript main thread only.
 * Must not know: calls, transports.
 */
import { type FrameHeader, FrameKind } from '../protocol/frame';
import {
  type CallSite,
  ConversionError as CodecError,
  encodeCall,
  encodeFrame,
  type FrameSink,
  NO_PAYLOAD,
  type PackTracker,
  type ReceivedFrame,
  type RefContext,
  readFrames,
  type WireRef,
} from './codec';
import { BridgeError, ConversionError, type JoinedFrame } from './errors';

/** A header; what is left out is 0. */
export type FrameHead = Pick<FrameHeader, 'kind'> & Partial<FrameHeader>;

/** What the header of a CALL says. */
export type CallHead = Pick<FrameHeader, 'flags' | 'id' | 'target' | 'parent' | 'within'>;

/** A received frame. `payload` unpacks, see `CallOptions.strict`; valid only while the chunk is being handled. */
export type IncomingFrame = ReceivedFrame;

/** How the session names values that stay on their side. */
export interface ForeignValues extends RefContext {
  /** Takes back handles of ours that were given out for a frame that is not sent. */
  discard(handles: readonly number[]): void;
  /** New stand-ins of the value that was read last. */
  readonly arrived: readonly Arrival[];
  /** Forgets which have arrived. */
  dismiss(): void;
}

/** A stand-in for an object of the other side's. */
export interface Arrival {
  readonly handle: number;
  /** `file:line` that it came to. */
  site: string | null;
}

/** Encodes and decodes frames for one session. */
export class Wire implements PackTracker {
  /** Handles of ours given out, and of theirs mentioned, by the packs that are being written: a stack. */
  private readonly given: number[] = [];
  private readonly mentioned: number[] = [];
  private readonly marks: number[] = [];
  private lastMentioned: readonly number[] = NONE;
  /** Used again for each call: it is written into the frame at once. */
  private readonly call: FrameHeader = {
    kind: FrameKind.CALL,
    flags: 0,
    id: 0,
    target: 0,
    span: 0,
    parent: 0,
    sentNs: 0,
    within: 0,
  };
  /** References, for packs that are made without a frame. */
  readonly refs: RefContext;

  /** @param timed whether somebody looks at when frames were sent */
  constructor(
    private readonly foreign: ForeignValues,
    private readonly timed: boolean,
  ) {
    this.refs = {
      refOf: (value) => this.noteGiven(foreign.refOf(value)),
      ownValue: (handle) => foreign.ownValue(handle),
      makeProxy: (handle, traits, label) => foreign.makeProxy(handle, traits, label),
    };
  }

  /** @throws the codec's ConversionError; see `conversionError` */
  encode(head: FrameHead, ...payload: [value?: unknown]): Uint8Array {
    // Not a default: `undefined` is a value, too.
    const value = payload.length === 0 ? NO_PAYLOAD : payload[0];
    const mark = this.begin();
    let packed = false;
    try {
      const frame = encodeFrame(this.header(head), value, this.refs);
      packed = true;
      return frame;
    } finally {
      this.end(mark, packed);
    }
  }

  /** A CALL frame, written for `sink`. @throws as `encode` */
  encodeCall(
    sink: FrameSink,
    head: CallHead,
    name: string | null,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>> | null,
    site: CallSite,
    wanted: boolean,
  ): void {
    const mark = this.begin();
    let packed = false;
    try {
      const { call } = this;
      call.flags = head.flags;
      call.id = head.id;
      call.target = head.target;
      call.parent = head.parent;
      call.within = head.within;
      call.sentNs = this.timed ? now() : 0;
      encodeCall(sink, call, name, args, kwargs, site, wanted, this.refs);
      packed = true;
    } finally {
      this.end(mark, packed);
    }
  }

  begin(): number {
    this.marks.push(this.mentioned.length);
    return this.given.length;
  }

  end(mark: number, packed: boolean): void {
    const { given, mentioned } = this;
    const first = this.marks.pop() ?? 0;
    this.lastMentioned = mentioned.length > first ? mentioned.splice(first) : NONE;
    if (given.length === mark) return;
    const handles = given.splice(mark);
    if (!packed) this.foreign.discard(handles);
  }

  private header(head: FrameHead): FrameHeader {
    const { kind, flags = 0, id = 0, target = 0, span = 0, parent = 0, within = 0 } = head;
    return { kind, flags, id, target, span, parent, sentNs: this.timed ? now() : 0, within };
  }

  /** The other side's handles in the value of the frame that was encoded last. */
  used(): readonly number[] {
    return this.lastMentioned;
  }

  /** Whether the value that was read last brought objects of the other side's. */
  get hasArrivals(): boolean {
    return this.foreign.arrived.length !== 0;
  }

  /** Remembers the line that they came to. @returns the frames that tell the other side */
  locate(site: CallSite): Uint8Array[] {
    const { arrived } = this.foreign;
    this.foreign.dismiss();
    const line = site.site();
    if (line === null) return [];
    return arrived.map((arrival) => {
      arrival.site = line;
      return this.encode({ kind: FrameKind.LOCATE, target: arrival.handle }, line);
    });
  }

  /** The other side knows their line, or does not want it. */
  dismissArrivals(): void {
    if (this.hasArrivals) this.foreign.dismiss();
  }

  /** Hands the chunk's frames on, in order. @throws FrameError when the chunk is malformed */
  decode(chunk: Uint8Array, handle: (frame: IncomingFrame) => void): void {
    readFrames(chunk, handle, this.refs);
  }

  private noteGiven(ref: WireRef | undefined): WireRef | undefined {
    if (ref !== undefined) (ref.own ? this.mentioned : this.given).push(ref.handle);
    return ref;
  }
}

/** Most frames mention no handle. */
const NONE: readonly number[] = [];

/** What a caller sees when a value could not be packed. */
export function conversionError(error: unknown, frames: readonly JoinedFrame[]): BridgeError {
  if (error instanceof BridgeError) return error;
  if (error instanceof CodecError) {
    const { path, valueType } = error;
    return new ConversionError(error.message, {
      frames,
      details: { path, type: valueType },
      cause: error.cause,
    });
  }
  return new ConversionError(`a value could not be packed: ${(error as Error).message}`, {
    frames,
    cause: error,
  });
}

/** The clock Rust measures queueing against. */
function now(): number {
  return performance.now() * 1e6 + CLOCK_START;
}

/** `performance.now` is cheaper than `process.hrtime` but counts from the start of this process. */
const CLOCK_START = Number(process.hrtime.bigint()) - performance.now() * 1e6;
