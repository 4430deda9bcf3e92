/**
 * CallbackCodec: calls that Python makes while it runs on this very thread, inside a synchronous call. The packed call
 * lies in memory the addon has filled, the packed reply in memory the addon reads: no frame, no queue.
 *
 * JavaScript thread only. Re-entrant in every way a call can come back: see `busy` and `packing`.
 */
import { Tag } from '../../protocol/pack';
import { allocateChars, type CharBuffer, viewChars } from './charBuffer';
import type { PackView } from './packCursor';
import { leasePacker, Packer } from './packer';
import { NO_TRACKER, type PackTracker, type RefContext } from './refContext';
import { type Callee, type CalleeFinder, type ReadCall, Unpacker } from './unpacker';

/** Places in the registers. Twin: `native/addon/callback.cc`. */
enum Register {
  TARGET,
  FLAGS,
  SPAN,
  OPS,
  NUMS,
  CHARS,
  BUSY,
  STATUS,
  REPLY_OPS,
  REPLY_NUMS,
  REPLY_CHARS,
  COUNT,
}

enum Status {
  VALUE = 0,
  ERROR = 1,
  /** The value is None, and nothing was written. */
  NONE = 4,
}

type Entry = (
  ops?: Int32Array,
  nums?: Float64Array,
  chars?: Uint8Array,
  segments?: readonly Uint8Array<ArrayBuffer>[],
) => Reply;

/** Undefined: the reply lies in the registered memory. */
type Reply = undefined | [Int32Array, Float64Array, Uint8Array, readonly Uint8Array[]];

/** The part of the addon that callbacks use. */
export interface CallbackAddon {
  /** Registers who is called, and the memory of calls. Without arguments, the call lies in that memory. */
  callbacks(
    entry: Entry,
    ops: Int32Array,
    nums: Float64Array,
    chars: Uint8Array,
    registers: Float64Array,
  ): void;
  /** Registers the memory of replies until the next registration. */
  callbackReply(ops: Int32Array, nums: Float64Array, chars: Uint8Array): void;
}

/** A call as Python makes it. */
export interface Callback<C extends Callee = Callee> extends ReadCall<C> {
  flags: number;
  span: number;
}

/** Who answers. */
export interface Answerer<C extends Callee> extends CalleeFinder<C> {
  /** Runs the call. What it throws goes to `describe`. */
  run(call: Callback<C>): unknown;
  /** Error payloads for what was thrown, the best first; never throws. */
  describe(thrown: unknown): Iterable<unknown>;
}

const FIRST_ELEMENTS = 4096;
const FIRST_CHARS = 32 * 1024;
/** A call of a handle itself without arguments is this long, and the only one that is. */
const SHORTEST_CALL = 5;

export class CallbackCodec<C extends Callee> {
  private readonly ops = new Int32Array(FIRST_ELEMENTS);
  private readonly nums = new Float64Array(FIRST_ELEMENTS);
  private readonly chars: CharBuffer = allocateChars(FIRST_CHARS);
  private readonly registers = new Float64Array(Register.COUNT);
  private readonly unpacker = new Unpacker();
  private readonly packer = new Packer();
  /** A reply is being packed: a getter that calls Python, which calls back, needs another packer. */
  private packing = false;
  /** Generation of the packer's memory that is registered. */
  private registered = -1;

  constructor(
    private readonly addon: CallbackAddon,
    private readonly refs: RefContext,
    private readonly answerer: Answerer<C>,
    private readonly tracker: PackTracker = NO_TRACKER,
  ) {
    const codec = this;
    // The joined stack cuts TypeScript's frames at this name.
    const entry: Entry = function answerPython(ops, nums, chars, segments) {
      return codec.answer(ops, nums, chars, segments);
    };
    addon.callbacks(entry, this.ops, this.nums, this.chars, this.registers);
  }

  private answer(
    ops: Int32Array | undefined,
    nums?: Float64Array,
    chars?: Uint8Array,
    segments?: readonly Uint8Array<ArrayBuffer>[],
  ): Reply {
    try {
      const call =
        ops && nums && chars && segments ? this.readOwn(ops, nums, chars, segments) : this.readShared();
      const value = this.answerer.run(call);
      // What returns nothing returns None.
      if (value !== undefined && value !== null) return this.reply(Status.VALUE, value);
      this.registers[Register.STATUS] = Status.NONE;
      return undefined;
    } catch (error) {
      return this.failed(error);
    }
  }

  private failed(thrown: unknown): Reply {
    let refused: unknown;
    for (const description of this.answerer.describe(thrown)) {
      try {
        return this.reply(Status.ERROR, description);
      } catch (error) {
        // The next description says less.
        refused = error;
      }
    }
    throw refused;
  }

  private readShared(): Callback<C> {
    const { registers } = this;
    const target = registers[Register.TARGET];
    const flags = registers[Register.FLAGS];
    const span = registers[Register.SPAN];
    const opsEnd = registers[Register.OPS];
    if (opsEnd === SHORTEST_CALL && this.ops[1] === Tag.NONE && this.ops[2] === Tag.TUPLE) {
      return { callee: this.answerer.find(target, null), flags, span, args: [], kwargs: null };
    }
    const view: PackView = {
      ops: this.ops,
      nums: this.nums,
      chars: this.chars,
      segments: [],
      ours: true,
      opsAt: 0,
      opsEnd,
      numsAt: 0,
      numsEnd: registers[Register.NUMS],
      charsAt: 0,
      charsEnd: registers[Register.CHARS],
    };
    // Reading may run converters, which may call Python, which may call back.
    registers[Register.BUSY] = 1;
    try {
      return callOf(flags, span, this.unpacker.unpackCall(view, this.refs, target, this.answerer));
    } finally {
      registers[Register.BUSY] = 0;
    }
  }

  private readOwn(
    ops: Int32Array,
    nums: Float64Array,
    chars: Uint8Array,
    segments: readonly Uint8Array<ArrayBuffer>[],
  ): Callback<C> {
    const { registers } = this;
    const target = registers[Register.TARGET];
    const flags = registers[Register.FLAGS];
    const span = registers[Register.SPAN];
    const view: PackView = {
      ops,
      nums,
      chars: viewChars(chars),
      segments,
      ours: true,
      opsAt: 0,
      opsEnd: ops.length,
      numsAt: 0,
      numsEnd: nums.length,
      charsAt: 0,
      charsEnd: chars.length,
    };
    return callOf(flags, span, new Unpacker().unpackCall(view, this.refs, target, this.answerer));
  }

  private reply(status: Status, value: unknown): Reply {
    if (this.packing) return leasePacker((packer) => this.replyApart(packer, status, value));
    const { packer } = this;
    this.packing = true;
    try {
      this.pack(packer, value);
    } finally {
      this.packing = false;
    }
    if (packer.segments.length > 0) return this.tell(packer, status);
    if (this.registered !== packer.generation) {
      this.addon.callbackReply(packer.ops, packer.nums, packer.chars);
      this.registered = packer.generation;
    }
    this.tell(packer, status);
    return undefined;
  }

  private replyApart(packer: Packer, status: Status, value: unknown): Reply {
    this.pack(packer, value);
    return this.tell(packer, status);
  }

  private pack(packer: Packer, value: unknown): void {
    const mark = this.tracker.begin();
    let packed = false;
    try {
      packer.pack(value, this.refs, 'result');
      packed = true;
    } finally {
      this.tracker.end(mark, packed);
    }
  }

  /** Writes the registers last: a call inside this one has written its own. */
  private tell(packer: Packer, status: Status): Reply {
    const { registers } = this;
    registers[Register.STATUS] = status;
    registers[Register.REPLY_OPS] = packer.opsLen;
    registers[Register.REPLY_NUMS] = packer.numsLen;
    registers[Register.REPLY_CHARS] = packer.charsLen;
    return [packer.ops, packer.nums, packer.chars, packer.segments];
  }
}

function callOf<C extends Callee>(
  flags: number,
  span: number,
  { callee, args, kwargs }: ReadCall<C>,
): Callback<C> {
  return { callee, flags, span, args, kwargs };
}
