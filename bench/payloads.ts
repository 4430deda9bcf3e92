/** The values that every conversion benchmark uses. */
export const payloads: Record<string, unknown[]> = {
  '1,000 floats': Array.from({ length: 1000 }, (_, i) => i + 0.5),
  '100 dicts of 5': Array.from({ length: 100 }, (_, i) => ({
    id: i,
    name: `item ${i}`,
    score: i * 0.5 + 0.25,
    active: i % 2 === 0,
    tag: 'benchmark',
  })),
  '100 nested dicts': Array.from({ length: 100 }, (_, i) => ({
    id: i,
    name: `item ${i}`,
    pos: { x: i + 0.5, y: -i - 0.5 },
    tags: ['a', 'b', 'c'],
    parent: i === 0 ? null : { id: i - 1, kind: 'row' },
  })),
  '100 texts of 200': Array.from({ length: 100 }, (_, i) => `${i} ${'text '.repeat(40)}`.slice(0, 200)),
};

const [floats, dicts, nested] = Object.entries(payloads);
/** Those that go to Python and back in the comparison with other bridges. */
export const ROUND_TRIPS: Record<string, unknown[]> = Object.fromEntries([floats, dicts, nested]);
