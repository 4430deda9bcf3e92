/** The codec: values ⇄ packed frames. See `../../protocol` for the layout. */
export { PyByteArray, PyDataclass, PyFrozenSet, PyTuple, tuple } from './carriers';
export { ConversionError, FrameError } from './conversionError';
export { type DataclassConstructor, registerDataclass } from './dataclasses';
export { FrameSplitter } from './frameSplitter';
export { decodeFrames, encodeCall, encodeFrame, NO_PAYLOAD, type OnFrame } from './frames';
export { NO_REFS, type RefContext, type WireRef } from './refContext';
export { type SyncAddon, SyncCodec } from './syncCodec';
