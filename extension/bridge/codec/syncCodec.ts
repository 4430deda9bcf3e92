/**
 * SyncCodec: synchronous calls in process. Packs into memory the addon reads in place, and reads the reply from memory
 * the addon fills: no frame, no copy on the way in.
 *
 * JavaScript thread only. Re-entrant in both ways a call can come back: Python calling JavaScript during the native call,
 * and a getter or setter calling while a pack is written or read. Both get a scratch of their own.
 */
import { FrameFlag } from '../../protocol/frame';
import { Tag } from '../../protocol/pack';
import { allocateChars, type CharBuffer } from './charBuffer';
import { callRoot } from './frames';
import { Packer } from './packer';
import { type CallSite, NO_TRACKER, type PackTracker, type RefContext } from './refContext';
import { Unpacker } from './unpacker';

/**
 * Places in the registers, which carry a call's numbers to the addon and back: reading arguments one by one through
 * Node-API would cost more than the call. Twin: `native/addon/sync_call.cc`.
 */
enum Register {
  TARGET,
  PARENT,
  OPS,
  NUMS,
  CHARS,
  SEGMENTS,
  STATUS,
  REPLY_OPS,
  REPLY_NUMS,
  REPLY_CHARS,
  REPLY_SEGMENTS,
  FLAGS,
  COUNT,
}

enum Status {
  VALUE = 0,
  /** The reply is an error payload. */
  ERROR = 1,
  /** The reply does not fit: its lengths are told, `takeReply` copies it once larger memory is registered. */
  TOO_LARGE = 2,
  /** The reply is None, and nothing was written. */
  NONE = 4,
}

/** The part of the addon that synchronous calls use. */
export interface SyncAddon {
  /** Registers the memory of calls and replies until the next registration. */
  scratch(
    ops: Int32Array,
    nums: Float64Array,
    chars: Uint8Array,
    replyOps: Int32Array,
    replyNums: Float64Array,
    replyChars: Uint8Array,
    registers: Float64Array,
  ): void;
  /** Makes the call that stands in the registers, and waits. */
  callSync(segments?: readonly Uint8Array[]): void;
  /** As `callSync`, of the target itself without arguments. */
  callBare(): void;
  /** Copies the last reply into the registered memory once more. */
  takeReply(): void;
  /** Copies of the segments of the last reply, in memory that `allocate` gives. */
  takeSegments(allocate: (length: number) => Uint8Array): Uint8Array[];
}

export class SyncCodec {
  private readonly lanes: Lane[] = [];
  private depth = 0;
  private registered: Lane | undefined;

  /**
   * @param addon the loaded addon
   * @param refs references of the session
   * @param toError makes the error to throw from an error payload
   * @param tracker told of every pack
   */
  constructor(
    private readonly addon: SyncAddon,
    private readonly refs: RefContext,
    private readonly toError: (payload: unknown) => Error,
    private readonly tracker: PackTracker = NO_TRACKER,
  ) {}

  /**
   * Calls a Python function and returns its result.
   *
   * @param target handle of the receiver, 0: `name` is `module:attr`
   * @param site asked only when the call gives Python something to hold
   * @param parent span id of the parent, 0: none
   * @param strict integral floats arrive as `PyFloat`
   * @throws ConversionError, or what `toError` makes of the exception
   */
  call(
    target: number,
    name: string | null,
    args: readonly unknown[],
    kwargs: Record<string, unknown> | null,
    site: CallSite,
    parent: number,
    strict = false,
  ): unknown {
    const lane = this.lane();
    const before = this.registered;
    try {
      this.pack(lane, name, args, kwargs, site);
      this.register(lane);
      const lent = lane.packer.segments;
      lane.call(this.addon, target, parent, strict ? FrameFlag.STRICT : 0);
      return this.reply(lane, strict, lent);
    } finally {
      // A call inside a call gives the outer one the memory back that its reply is written to.
      if (before !== undefined) this.register(before);
    }
  }

  /** As `call`, of `target` itself without arguments: nothing is packed, and None needs no reading. */
  callBare(target: number, parent: number): unknown {
    const lane = this.lane();
    const before = this.registered;
    this.register(lane);
    try {
      return lane.callBare(this.addon, target, parent) ? null : this.reply(lane, false, NO_SEGMENTS);
    } finally {
      if (before !== undefined && before !== lane) this.register(before);
    }
  }

  /**
   * Runs what Python calls back during a native call. Python may still be reading what the outer call has packed: calls
   * from inside use other memory.
   */
  nested<T>(work: () => T): T {
    this.depth++;
    try {
      return work();
    } finally {
      this.depth--;
    }
  }

  private reply(lane: Lane, strict: boolean, lent: readonly Uint8Array[]): unknown {
    if (lane.status === Status.TOO_LARGE) {
      lane.growReply();
      this.register(lane);
      this.addon.takeReply();
    }
    // Read now: reading the reply may make another call.
    const { status } = lane;
    const reply = this.unpack(lane, strict && status === Status.VALUE);
    if (status === Status.VALUE) return reply;
    if ((reply as { code?: unknown } | null)?.code === VIEW_ESCAPED) escaped.push(lent);
    throw this.toError(reply);
  }

  private pack(
    lane: Lane,
    name: string | null,
    args: readonly unknown[],
    kwargs: Record<string, unknown> | null,
    site: CallSite,
  ): void {
    this.depth++;
    const mark = this.tracker.begin();
    let packed = false;
    try {
      lane.packer.call(name, args, kwargs, site, false, this.refs, callRoot);
      packed = true;
    } finally {
      this.depth--;
      this.tracker.end(mark, packed);
    }
  }

  private unpack(lane: Lane, strict: boolean): unknown {
    this.depth++;
    try {
      return lane.unpack(this.addon, this.refs, strict);
    } finally {
      this.depth--;
      lane.trim();
    }
  }

  private lane(): Lane {
    const { depth, lanes } = this;
    if (depth === lanes.length) lanes.push(new Lane());
    return lanes[depth];
  }

  private register(lane: Lane): void {
    if (this.registered === lane && lane.isCurrent()) return;
    lane.register(this.addon);
    this.registered = lane;
  }
}

/** Code of the error for memory that Python still refers to after the call that lent it. */
const VIEW_ESCAPED = 'view-escaped';
/** Such memory: it stays for good, because nobody tells when Python is done with it. */
const escaped: (readonly Uint8Array[])[] = [];

const FIRST_OPS = 4096;
const FIRST_NUMS = 4096;
const FIRST_CHARS = 32 * 1024;
/** Elements; scratch larger than this is not kept. */
const KEEP_REPLY = 1 << 22;

/** Memory of one level of re-entrance. */
class Lane {
  readonly packer = new Packer();
  private readonly unpacker = new Unpacker();
  private replyOps = new Int32Array(FIRST_OPS);
  private replyNums = new Float64Array(FIRST_NUMS);
  private replyChars: CharBuffer = allocateChars(FIRST_CHARS);
  private readonly registers = new Float64Array(Register.COUNT);
  /** Generation of the packer's memory that is registered; -1: register again. */
  private registered = -1;

  constructor() {
    // The caller waits: what it lends cannot change meanwhile, except by a callback of its own.
    this.packer.lends = true;
  }

  call(addon: SyncAddon, target: number, parent: number, flags: number): void {
    const { packer, registers } = this;
    const { segments } = packer;
    registers[Register.TARGET] = target;
    registers[Register.PARENT] = parent;
    registers[Register.FLAGS] = flags;
    registers[Register.OPS] = packer.opsLen;
    registers[Register.NUMS] = packer.numsLen;
    registers[Register.CHARS] = packer.charsLen;
    registers[Register.SEGMENTS] = segments.length;
    if (segments.length === 0) addon.callSync();
    else addon.callSync(segments);
  }

  /** True when Python gave None. */
  callBare(addon: SyncAddon, target: number, parent: number): boolean {
    const { registers } = this;
    registers[Register.TARGET] = target;
    registers[Register.PARENT] = parent;
    addon.callBare();
    return registers[Register.STATUS] === Status.NONE;
  }

  get status(): Status {
    return this.registers[Register.STATUS];
  }

  unpack(addon: SyncAddon, refs: RefContext, strict: boolean): unknown {
    const { registers } = this;
    // What most functions return needs no reader.
    if (registers[Register.REPLY_OPS] === 1 && this.replyOps[0] === Tag.NONE) return null;
    return this.unpacker.unpack(
      {
        ops: this.replyOps,
        nums: this.replyNums,
        chars: this.replyChars,
        segments:
          registers[Register.REPLY_SEGMENTS] === 0
            ? NO_SEGMENTS
            : (addon.takeSegments(uncleared) as Uint8Array<ArrayBuffer>[]),
        ours: true,
        opsAt: 0,
        opsEnd: registers[Register.REPLY_OPS],
        numsAt: 0,
        numsEnd: registers[Register.REPLY_NUMS],
        charsAt: 0,
        charsEnd: registers[Register.REPLY_CHARS],
      },
      refs,
      strict,
    );
  }

  growReply(): void {
    const { registers } = this;
    this.replyOps = new Int32Array(Math.max(registers[Register.REPLY_OPS], this.replyOps.length));
    this.replyNums = new Float64Array(Math.max(registers[Register.REPLY_NUMS], this.replyNums.length));
    this.replyChars = allocateChars(Math.max(registers[Register.REPLY_CHARS], this.replyChars.length));
    this.registered = -1;
  }

  /** Gives memory back after an unusually large call or reply. */
  trim(): void {
    this.packer.trim();
    if (this.replyOps.length + this.replyNums.length + this.replyChars.length < KEEP_REPLY) return;
    this.replyOps = new Int32Array(FIRST_OPS);
    this.replyNums = new Float64Array(FIRST_NUMS);
    this.replyChars = allocateChars(FIRST_CHARS);
    this.registered = -1;
  }

  /** False when memory was replaced since the last registration. */
  isCurrent(): boolean {
    return this.registered === this.packer.generation;
  }

  register(addon: SyncAddon): void {
    const { ops, nums, chars } = this.packer;
    addon.scratch(ops, nums, chars, this.replyOps, this.replyNums, this.replyChars, this.registers);
    this.registered = this.packer.generation;
  }
}

const NO_SEGMENTS: readonly Uint8Array<ArrayBuffer>[] = [];

/** Memory of its own that is about to be written as a whole: clearing it first would cost as much again. */
function uncleared(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}
