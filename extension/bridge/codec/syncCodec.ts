/**
 * SyncCodec: synchronous calls in process. Packs into memory the addon reads in place, and reads the reply from memory
 * the addon fills: no frame, no copy on the way in.
 *
 * JavaScript thread only. Re-entrant in both ways a call can come back: Python calling JavaScript during the native call
 * (the scratch is free again by then), and a getter or setter calling while a pack is written or read (a second scratch).
 */
import { allocateChars, type CharBuffer } from './charBuffer';
import { callRoot } from './frames';
import { Packer } from './packer';
import type { RefContext } from './refContext';
import { Unpacker } from './unpacker';

/** What {@link SyncAddon.callSync} returns. */
export const SyncStatus = {
  VALUE: 0,
  /** The reply is an error payload. */
  ERROR: 1,
  /** The reply does not fit: its lengths are told, `takeReply` copies it once larger memory is registered. */
  TOO_LARGE: 2,
} as const;

/** The part of the addon that synchronous calls use. */
export interface SyncAddon {
  /**
   * Registers the memory of calls and replies until the next registration.
   * `lengths` (4 elements) tells ops, nums, chars and segments of the last reply.
   */
  scratch(
    ops: Int32Array,
    nums: Float64Array,
    chars: Uint8Array,
    replyOps: Int32Array,
    replyNums: Float64Array,
    replyChars: Uint8Array,
    lengths: Uint32Array,
  ): void;
  /** Calls Python and waits. @returns a {@link SyncStatus} */
  callSync(
    target: number,
    parent: number,
    opsLen: number,
    numsLen: number,
    charsLen: number,
    segments?: readonly Uint8Array[],
  ): number;
  /** Copies the last reply into the registered memory once more. @returns a {@link SyncStatus} */
  takeReply(): number;
  /** Copies of the segments of the last reply. */
  takeSegments(): Uint8Array[];
}

export class SyncCodec {
  private readonly lanes: Lane[] = [];
  private depth = 0;
  private registered: Lane | undefined;

  /**
   * @param addon the loaded addon
   * @param refs references of the session
   * @param toError makes the error to throw from an error payload
   */
  constructor(
    private readonly addon: SyncAddon,
    private readonly refs: RefContext,
    private readonly toError: (payload: unknown) => Error,
  ) {}

  /**
   * Calls a Python function and returns its result.
   *
   * @param target handle of the receiver, 0: `name` is `module:attr`
   * @param parent span id of the parent, 0: none
   * @throws ConversionError, or what `toError` makes of the exception
   */
  call(
    target: number,
    name: string | null,
    args: readonly unknown[],
    kwargs: Record<string, unknown> | null,
    site: string | null,
    parent: number,
  ): unknown {
    const lane = this.lane();
    const before = this.registered;
    this.depth++;
    try {
      lane.pack(name, args, kwargs, site, this.refs);
    } finally {
      this.depth--;
    }
    this.register(lane);
    const { packer } = lane;
    const { segments } = packer;
    let status = this.addon.callSync(
      target,
      parent,
      packer.opsLen,
      packer.numsLen,
      packer.charsLen,
      segments.length === 0 ? undefined : segments,
    );
    if (status === SyncStatus.TOO_LARGE) {
      lane.growReply();
      this.register(lane);
      status = this.addon.takeReply();
    }
    this.depth++;
    let reply: unknown;
    try {
      reply = lane.unpack(this.addon, this.refs);
    } finally {
      this.depth--;
      lane.trim();
      // A call made while an outer one packs or unpacks gives the outer one its memory back.
      if (before !== undefined && before !== lane) this.register(before);
    }
    if (status === SyncStatus.ERROR) throw this.toError(reply);
    return reply;
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
  private readonly lengths = new Uint32Array(4);
  private known: { ops: Int32Array; nums: Float64Array; chars: Uint8Array } | undefined;

  pack(
    name: string | null,
    args: readonly unknown[],
    kwargs: Record<string, unknown> | null,
    site: string | null,
    refs: RefContext,
  ): void {
    const { packer } = this;
    packer.call(name, args, kwargs, site, refs, callRoot);
  }

  unpack(addon: SyncAddon, refs: RefContext): unknown {
    const lengths = this.lengths;
    return this.unpacker.unpack(
      {
        ops: this.replyOps,
        nums: this.replyNums,
        chars: this.replyChars,
        segments: lengths[3] === 0 ? NO_SEGMENTS : addon.takeSegments(),
        opsAt: 0,
        opsEnd: lengths[0],
        numsAt: 0,
        numsEnd: lengths[1],
        charsAt: 0,
        charsEnd: lengths[2],
      },
      refs,
    );
  }

  growReply(): void {
    const [ops, nums, chars] = this.lengths;
    this.replyOps = new Int32Array(Math.max(ops, this.replyOps.length));
    this.replyNums = new Float64Array(Math.max(nums, this.replyNums.length));
    this.replyChars = allocateChars(Math.max(chars, this.replyChars.length));
    this.known = undefined;
  }

  /** Gives memory back after an unusually large call or reply. */
  trim(): void {
    this.packer.trim();
    if (this.replyOps.length + this.replyNums.length + this.replyChars.length < KEEP_REPLY) return;
    this.replyOps = new Int32Array(FIRST_OPS);
    this.replyNums = new Float64Array(FIRST_NUMS);
    this.replyChars = allocateChars(FIRST_CHARS);
    this.known = undefined;
  }

  /** False when the packer grew since the last registration. */
  isCurrent(): boolean {
    const { known, packer } = this;
    return (
      known !== undefined &&
      known.ops === packer.ops &&
      known.nums === packer.nums &&
      known.chars === packer.chars
    );
  }

  register(addon: SyncAddon): void {
    const { ops, nums, chars } = this.packer;
    addon.scratch(ops, nums, chars, this.replyOps, this.replyNums, this.replyChars, this.lengths);
    this.known = { ops, nums, chars };
  }
}

const NO_SEGMENTS: readonly Uint8Array[] = [];
