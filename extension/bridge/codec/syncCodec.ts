/**
 * SyncCodec: synchronous calls in process. Packs into memory the addon reads in place, and reads the reply from memory
 * the addon fills: no frame, no copy on the way in.
 *
 * JavaScript thread only. Re-entrant in both ways a call can come back: Python calling JavaScript during the native call
 * (the scratch is free again by then), and a getter or setter calling while a pack is written or read (a second scratch).
 */
import { Tag } from '../../protocol/pack';
import { allocateChars, type CharBuffer } from './charBuffer';
import { callRoot } from './frames';
import { Packer } from './packer';
import type { RefContext } from './refContext';
import { Unpacker } from './unpacker';

/** Bits of what {@link SyncAddon.callSync} returns. */
export const SyncStatus = {
  /** The reply is an error payload. */
  ERROR: 1,
  /** The reply does not fit: its lengths are in `outLens`, `fetchReply` copies it after larger memory is registered. */
  TOO_LARGE: 2,
} as const;

/** The part of the addon that synchronous calls use. */
export interface SyncAddon {
  /**
   * Registers the memory of calls and replies until the next registration.
   * `outLens`: ops, nums, chars of the last reply, in elements. Replies have no segments.
   */
  scratch(
    ops: Int32Array,
    nums: Float64Array,
    chars: Uint8Array,
    outOps: Int32Array,
    outNums: Float64Array,
    outChars: Uint8Array,
    outLens: Uint32Array,
  ): void;
  /** Calls Python and waits. @returns bits of {@link SyncStatus} */
  callSync(
    target: number,
    parent: number,
    opsLen: number,
    numsLen: number,
    charsLen: number,
    segments?: readonly Uint8Array[],
  ): number;
  /** Copies the last reply of this thread into the registered memory once more. */
  fetchReply(): void;
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
    const status = this.addon.callSync(
      target,
      parent,
      packer.opsLen,
      packer.numsLen,
      packer.charsLen,
      segments.length === 0 ? undefined : segments,
    );
    if ((status & SyncStatus.TOO_LARGE) !== 0) {
      lane.growReply();
      this.register(lane);
      this.addon.fetchReply();
    }
    this.depth++;
    let reply: unknown;
    try {
      reply = lane.unpack(this.refs);
    } finally {
      this.depth--;
      // A call made while an outer one packs or unpacks gives the outer one its memory back.
      if (before !== undefined && before !== lane) this.register(before);
    }
    if ((status & SyncStatus.ERROR) !== 0) throw this.toError(reply);
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

/** Memory of one level of re-entrance. */
class Lane {
  readonly packer = new Packer();
  private readonly unpacker = new Unpacker();
  private outOps = new Int32Array(4096);
  private outNums = new Float64Array(4096);
  private outChars: CharBuffer = allocateChars(32 * 1024);
  private readonly outLens = new Uint32Array(4);
  private known: { ops: Int32Array; nums: Float64Array; chars: Uint8Array; outOps: Int32Array } | undefined;

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

  unpack(refs: RefContext): unknown {
    const [opsEnd, numsEnd, charsEnd] = this.outLens;
    return this.unpacker.unpack(
      {
        ops: this.outOps,
        nums: this.outNums,
        chars: this.outChars,
        segments: NO_SEGMENTS,
        opsAt: 0,
        opsEnd,
        numsAt: 0,
        numsEnd,
        charsAt: 0,
        charsEnd,
      },
      refs,
    );
  }

  growReply(): void {
    const [ops, nums, chars] = this.outLens;
    this.outOps = new Int32Array(Math.max(ops, this.outOps.length));
    this.outNums = new Float64Array(Math.max(nums, this.outNums.length));
    this.outChars = allocateChars(Math.max(chars, this.outChars.length));
    this.known = undefined;
  }

  /** False when the packer grew since the last registration. */
  isCurrent(): boolean {
    const { known, packer } = this;
    return known !== undefined && known.ops === packer.ops && known.nums === packer.nums && known.chars === packer.chars;
  }

  register(addon: SyncAddon): void {
    const { ops, nums, chars } = this.packer;
    addon.scratch(ops, nums, chars, this.outOps, this.outNums, this.outChars, this.outLens);
    this.known = { ops, nums, chars, outOps: this.outOps };
  }
}

const NO_SEGMENTS: readonly Uint8Array[] = [];
