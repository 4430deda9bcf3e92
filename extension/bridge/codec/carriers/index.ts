/**
 * Carriers: light JavaScript forms of Python values that JavaScript lacks, so that Python → JavaScript → Python gives
 * back value and type. The table of all conversions: `docs/types.md`.
 */
export { type AnyInt, Carrier } from './carrier';
export {
  PyByteArray,
  PyConverted,
  PyDataclass,
  PyEllipsis,
  PyEllipsisType,
  PyEnum,
  PyFrozenSet,
  PyNotImplemented,
  PyNotImplementedType,
} from './collections';
export { PATH_KINDS, type PathKind, PyPath, PyUUID } from './names';
export { BUFFER_KINDS, type BufferFacts, type BufferKind, NdArray } from './ndArray';
export type { NumberArray } from './ndElements';
export { PyComplex, PyDecimal, PyFloat, PyFraction } from './numbers';
export { PyNamedTuple, PyRange, PySlice, PyString, PyTuple, tuple, tupleOf } from './sequences';
export { PyDate, PyDateTime, PyTime, PyTimeDelta } from './time';
export { PyTimeZone, PyZoneInfo, type TimeZone } from './timeZones';
