/**
 * Purpose: the other end of a session, in memory: answers frames as a test tells it to.
 * Threads: JavaScript main thread only; frames arrive in a later turn, as over a real transport.
 * Must not know: sessions.
 */
import {
  decodeFrames,
  encodeFrame,
  NO_PAYLOAD,
  PyTuple,
  type RefContext,
  type WireRef,
} from '../../extension/bridge/codec';
import type { Transport } from '../../extension/bridge/transport';
import { type FrameHeader, FrameKind } from '../../extension/protocol/frame';

/** A frame the session sent. */
export interface SentFrame extends FrameHeader {
  value: unknown;
}

/** A reference as it stands on the wire. */
export class WireHandle {
  constructor(
    readonly own: boolean,
    readonly handle: number,
    readonly traits = 0,
    readonly label = '',
  ) {}
}

const refs: RefContext = {
  refOf: (value) => (value instanceof WireHandle ? ({ ...value } as WireRef) : undefined),
  ownValue: (handle) => new WireHandle(true, handle),
  makeProxy: (handle, traits, label) => new WireHandle(false, handle, traits, label),
};

export class MemoryPeer implements Transport {
  readonly received: SentFrame[] = [];
  /** One entry per `send`: how many frames came together. */
  readonly batches: number[] = [];
  closed = false;
  /** What to do with each CALL; the default leaves it unanswered. */
  onCall: (call: SentFrame) => void = () => {};
  onFrame: (frame: SentFrame) => void = () => {};
  private callback: (frames: Uint8Array) => void = () => {};

  send(frames: Uint8Array): void {
    const copy = Uint8Array.from(frames);
    let count = 0;
    decodeFrames(
      copy,
      (header, read) => {
        count += 1;
        const frame = { ...header, value: read() };
        this.received.push(frame);
        queueMicrotask(() => {
          this.onFrame(frame);
          if (frame.kind === FrameKind.CALL) this.onCall(frame);
        });
      },
      refs,
    );
    this.batches.push(count);
  }

  onData(callback: (frames: Uint8Array) => void): void {
    this.callback = callback;
  }

  close(): void {
    this.closed = true;
  }

  /** Sends a frame to the session. */
  emit(kind: FrameKind, id: number, value: unknown = NO_PAYLOAD, head: Partial<FrameHeader> = {}): void {
    const header = { kind, id, flags: 0, target: 0, span: 0, parent: 0, sentNs: 0, within: 0, ...head };
    this.callback(encodeFrame(header, value, refs));
  }

  /** Calls a function the session exposes; resolves with the answer's frame. */
  call(name: string | null, args: unknown[] = [], options: Partial<FrameHeader> & { kwargs?: object } = {}) {
    const { kwargs = null, ...head } = options;
    const id = ++this.lastId;
    const answer = new Promise<SentFrame>((resolve) => {
      const before = this.onFrame;
      this.onFrame = (frame) => {
        before(frame);
        const isAnswer = frame.kind === FrameKind.RESULT || frame.kind === FrameKind.ERROR;
        if (isAnswer && frame.id === id) resolve(frame);
      };
    });
    this.emit(FrameKind.CALL, id, PyTuple.of<unknown>(name, PyTuple.from(args), kwargs, 'script.py:7'), head);
    return Object.assign(answer, { id });
  }

  /** Raw bytes, for what no correct peer sends. */
  emitBytes(bytes: Uint8Array): void {
    this.callback(bytes);
  }

  /** The frames of one kind. */
  framesOf(kind: FrameKind): SentFrame[] {
    return this.received.filter((frame) => frame.kind === kind);
  }

  private lastId = 0;
}

/** Lets everything that is queued happen. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** An ERROR payload as Python makes it. */
export function pythonError(message: string, more: object = {}): object {
  return {
    type: 'ValueError',
    message,
    code: 'python-exception',
    hint: '',
    origin: 'python',
    component: '',
    operation: '',
    details: null,
    frames: [{ language: 'python', function: 'mean', file: '/lib/statistics.py', line: 12 }],
    notes: [],
    cause: null,
    ref: 0,
    ...more,
  };
}
