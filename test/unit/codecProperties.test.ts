/** Random values: each comes back with its type, its sharing, and in strict mode, too. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFrames, encodeFrame, NO_REFS, PyFloat } from '../../extension/bridge/codec';
import { HEADER, roundTrip } from './codecSupport';
import { foreignTrees, graphs, runs, sharedAlike } from './codecValues';

test('any value comes back with its type', () => {
  fc.assert(
    fc.property(foreignTrees, (value) => {
      assert.deepStrictEqual(roundTrip(value), value);
    }),
    { numRuns: runs(7000, 350_000) },
  );
});

test('what is shared stays shared, what is cyclic stays cyclic', () => {
  fc.assert(
    fc.property(graphs, (value) => {
      const back = roundTrip(value);
      assert.deepStrictEqual(back, value);
      assert.ok(sharedAlike(value, back));
    }),
    { numRuns: runs(3000, 150_000) },
  );
});

test('strict: what was read goes back byte for byte', () => {
  fc.assert(
    fc.property(fc.oneof(foreignTrees, mixed), (value) => {
      const sent = encodeFrame(HEADER, value, NO_REFS);
      let read: unknown;
      decodeFrames(
        sent,
        (_header, payload) => {
          read = payload(true);
        },
        NO_REFS,
      );
      // A list of floats may go as single ones; all else is told apart.
      assert.deepStrictEqual(roundTrip(read), roundTrip(value));
    }),
    { numRuns: runs(2000, 50_000) },
  );
});

const mixed = fc.array(
  fc.oneof(
    fc.integer(),
    fc.double(),
    fc.integer().map((v) => new PyFloat(v)),
  ),
);
