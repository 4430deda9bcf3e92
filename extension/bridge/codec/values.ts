/**
 * What users of the bridge take from the codec: carriers, ways to add conversions, zero-copy views. The table of all
 * conversions: `docs/types.md`.
 */
export { type BufferView, view } from './buffers';
export * from './carriers';
export { type Converter, registerConverter } from './converters';
export { type DataclassConstructor, registerDataclass } from './dataclasses';
export { type RegisteredEnum, registerEnum } from './enums';
