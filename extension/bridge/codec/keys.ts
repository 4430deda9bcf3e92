/**
 * Keys: what can be a key of a Python dict, or an item of a set, among others. Pure; knows neither packs nor references.
 */

/**
 * False for what Python cannot hash, and for what equals another key there: 1 is true, and 5n is 5.
 *
 * @param has whether a value is among the keys
 */
export function fitsAsKey(key: unknown, has: (key: unknown) => boolean): boolean {
  if (typeof key === 'string') return true;
  if (typeof key === 'boolean') return !has(Number(key)) && !has(BigInt(key));
  if (typeof key === 'bigint') return !has(Number(key)) || BigInt(Number(key)) !== key;
  if (typeof key !== 'object' || key === null) return true;
  return !MUTABLE.has(Object.getPrototypeOf(key));
}

/** Prototypes of what arrives as a dict, a list or a set. */
const MUTABLE = new Set<unknown>([null, Object.prototype, Array.prototype, Map.prototype, Set.prototype]);
