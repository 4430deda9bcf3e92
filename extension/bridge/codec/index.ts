/** The codec: values ⇄ packed frames. See `../../protocol` for the layout. */
export { type Callback, type CallbackAddon, CallbackCodec } from './callbackCodec';
export { ConversionError, FrameError } from './conversionError';
export { giveBack, isLong } from './frameMemory';
export { FrameSplitter } from './frameSplitter';
export {
  decodeFrames,
  encodeCall,
  encodeFrame,
  type FrameSink,
  NO_PAYLOAD,
  type OnFrame,
  type ReadPayload,
  type ReceivedFrame,
  readFrames,
} from './frames';
export { type CallSite, NO_REFS, type PackTracker, type RefContext, type WireRef } from './refContext';
export { type SyncAddon, SyncCodec } from './syncCodec';
export type { Callee, CalleeFinder } from './unpacker';
export * from './values';
