/** The codec: values ⇄ packed frames. See `../../protocol` for the layout. */
export { type BufferView, view } from './buffers';
export { type Callback, type CallbackAddon, CallbackCodec } from './callbackCodec';
export * from './carriers';
export { ConversionError, FrameError } from './conversionError';
export { type Converter, registerConverter } from './converters';
export { type DataclassConstructor, registerDataclass } from './dataclasses';
export { type RegisteredEnum, registerEnum } from './enums';
export { FrameSplitter } from './frameSplitter';
export { decodeFrames, encodeCall, encodeFrame, NO_PAYLOAD, type OnFrame, type ReadPayload } from './frames';
export { NO_REFS, type RefContext, type WireRef } from './refContext';
export { type SyncAddon, SyncCodec } from './syncCodec';
