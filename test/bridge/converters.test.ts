/** Which of several converters is asked: the rules of `docs/types.md`, in TypeScript and in Python, each combination. */
import assert from 'node:assert/strict';
import { PyConverted, registerConverter, registerDataclass } from '../../extension/bridge/codec';
import { unwrapProxy } from '../../extension/bridge/refs';
import { onBothHosts } from './bothHosts';

type Matches = 'base' | 'derived' | 'record' | 'library' | 'predicate';
type Value = Exclude<Matches, 'predicate'>;
type Registration = [name: string, matches: Matches, priority: number];

class Base {}
class Derived extends Base {}
class Record {
  x = 1;
}
registerDataclass('converter_fixture:Record', Record);

const VALUES = { base: Base, derived: Derived, record: Record, library: Date };
const CLASSES: object[] = Object.values(VALUES);
const PRIORITIES = [-1, 0, 1];

onBothHosts('Python asks the converter that comes first', async (bridge) => {
  await checkAll(async (registrations, value) =>
    bridge.call('converter_fixture:chosen', [registrations, value, told]),
  );
});

onBothHosts('TypeScript asks the converter that comes first', async (bridge) => {
  await checkAll(async (registrations, value) => {
    const registered = registrations.map(([name, matches, priority]) =>
      registerConverter({
        name,
        match: matches === 'predicate' ? (found) => CLASSES.includes(found.constructor) : VALUES[matches],
        toPlain: () => null,
        priority,
      }),
    );
    const call = bridge.call<string>('converter_fixture:told', [new VALUES[value]()]);
    for (const each of registered) each.dispose();
    return call;
  });
});

async function checkAll(
  ask: (registrations: Registration[], value: Value) => Promise<string>,
): Promise<void> {
  let cases = 0;
  for (const value of Object.keys(VALUES) as Value[]) {
    for (const registrations of combinations(value)) {
      const wanted = first(registrations, value);
      assert.equal(await ask(registrations, value), wanted, `${value}: ${registrations.join('  ')}`);
      cases++;
    }
  }
  assert.equal(cases, 2 * 162 + 2 * 18);
}

/** Converters of all that could match, in every order, with every priority. */
function combinations(value: Value): Registration[][] {
  const related: Matches[] = value === 'base' || value === 'derived' ? ['base', 'derived'] : [value];
  return orders([...related, 'predicate' as const]).flatMap((order) =>
    order.reduce<Registration[][]>(
      (before, matches) =>
        before.flatMap((some) =>
          PRIORITIES.map((priority) => [...some, [matches, matches, priority] as Registration]),
        ),
      [[]],
    ),
  );
}

/** The name of the converter that the rules choose. */
function first(registrations: readonly Registration[], value: Value): string {
  const closeness = { derived: 3, record: 2, library: 2, base: 2, predicate: 1 };
  const [found] = registrations
    .map(([name, matches, priority], at) => ({ name, matches, priority, close: closeness[matches], at }))
    .filter(({ matches }) => !(value === 'base' && matches === 'derived'))
    .sort((a, b) => b.priority - a.priority || b.close - a.close || b.at - a.at);
  const least = { base: -1, derived: -1, record: 0, library: 1 }[value];
  return found.priority >= least ? found.name : 'own';
}

function orders<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item) =>
    orders(items.filter((each) => each !== item)).map((rest) => [item, ...rest]),
  );
}

function told(value: object): string {
  if (value instanceof PyConverted) return value.converter;
  return unwrapProxy(value) ? 'reference' : 'own';
}
