/** The typed arrays that hold numbers, not plain bytes: they cross as memory with a format. Imports nothing. */
export const NUMBER_ARRAYS = [
  Int8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
] as const;
