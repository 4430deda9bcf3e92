/** Objects of both languages that hold each other: no collector frees them, a report on demand names them. */
import assert from 'node:assert/strict';
import type { PyObject } from '../../extension/bridge/refs';
import type { Bridge } from '../../extension/conductor/openBridge';
import { onBothHosts } from './bothHosts';
import { nothingLeft, objectFixture } from './objectFixture';

/** A shelf whose owner is a listener that remembers the shelf: a cycle over the border, which nobody else holds. */
async function makeCycle(bridge: Bridge, remember: (shelf: PyObject) => unknown): Promise<void> {
  const shelf = await bridge.callRef('object_fixture:Shelf', ['a']);
  await bridge.call('object_fixture:run', ['a.owner = {"listeners": [b]}', shelf, remember(shelf)]);
}

/** The closure of a listener, in a function of its own: it must not share variables with the test. */
function listenerOf(shelf: PyObject): () => PyObject {
  return function listener() {
    return shelf;
  };
}

class Watcher {
  private readonly shelves: PyObject[];

  constructor(shelf: PyObject) {
    this.shelves = [shelf];
  }

  look = (): number => this.shelves.length;
}

/** Ends the cycles, so that the bridge may be asked whether all is gone. */
async function breakCycles(fixture: PyObject): Promise<void> {
  await fixture.run(
    'import gc, object_fixture\nfor each in gc.get_objects():\n  if type(each) is object_fixture.Shelf:\n    each.owner = None',
  );
}

onBothHosts(
  'a closure and an object that hold each other are named, with what lies between',
  async (bridge) => {
    const fixture = await objectFixture(bridge);
    await makeCycle(bridge, listenerOf);
    const { cycles, complete } = await bridge.cycles();
    assert.equal(complete, true);
    assert.equal(cycles.length, 1, JSON.stringify(cycles));
    const [ours, theirs] = cycles[0].steps;
    assert.deepEqual([ours.language, ours.type, ours.path], ['typescript', 'listener', ['shelf']]);
    assert.deepEqual([theirs.language, theirs.type], ['python', 'object_fixture.Shelf']);
    assert.match(String(theirs.site), /cycles\.test\.ts:\d+/);
    assert.deepEqual(
      [theirs.path[0], theirs.path.at(-1)],
      ['object_fixture.Shelf', 'symphony_bridge._js_objects.JsFunction'],
    );
    assert.ok(theirs.path.includes('list') && theirs.path.includes('dict'), String(theirs.path));
    await breakCycles(fixture);
    await nothingLeft(fixture);
    assert.deepEqual((await bridge.cycles()).cycles, []);
  },
);

onBothHosts('a cycle through fields of an instance, and through two objects of each side', async (bridge) => {
  const fixture = await objectFixture(bridge);
  await makeCycle(bridge, (shelf) => new Watcher(shelf).look);
  const [one, other] = [
    await bridge.callRef('object_fixture:Shelf'),
    await bridge.callRef('object_fixture:Shelf'),
  ];
  await fixture.run('a.owner, b.owner = c, d', one, other, listenerOf(other), listenerOf(one));
  one[Symbol.dispose]();
  const reported = async (): Promise<number[]> =>
    (await bridge.cycles()).cycles.map(({ steps }) => steps.length);
  // This function still holds one object of the large cycle: nothing is lost yet.
  assert.deepEqual(await reported(), [2]);
  assert.ok(other);
  await breakCycles(fixture);
});

onBothHosts('two objects of each side in one ring are one cycle of four steps', async (bridge) => {
  const fixture = await objectFixture(bridge);
  await makeRing(bridge);
  const { cycles } = await bridge.cycles();
  assert.deepEqual(
    cycles.map(({ steps }) => steps.map(({ language }) => language)),
    [['typescript', 'python', 'typescript', 'python']],
  );
  await breakCycles(fixture);
  await nothingLeft(fixture);
});

async function makeRing(bridge: Bridge): Promise<void> {
  const [one, other] = [
    await bridge.callRef('object_fixture:Shelf'),
    await bridge.callRef('object_fixture:Shelf'),
  ];
  const listeners = [listenerOf(other), listenerOf(one)];
  await bridge.call('object_fixture:run', ['a.owner, b.owner = c, d', one, other, ...listeners]);
}

onBothHosts('what one side still uses, and what leads nowhere back, is not reported', async (bridge) => {
  const fixture = await objectFixture(bridge);
  await makeCycle(bridge, listenerOf);
  await fixture.run(
    'import object_fixture\nfrom object_fixture import *\nimport gc\nobject_fixture.used = [x for x in gc.get_objects() if type(x) is Shelf and x.owner]',
  );
  const mine = await bridge.callRef('object_fixture:Shelf');
  const listener = listenerOf(mine);
  await fixture.run('a.owner = b', mine, listener);
  await fixture.run('import object_fixture\nobject_fixture.kept = a', () => 1);
  assert.deepEqual((await bridge.cycles()).cycles, []);
  assert.equal(listener(), mine);
  await fixture.run('import object_fixture\ndel object_fixture.used, object_fixture.kept');
  await breakCycles(fixture);
});

onBothHosts(
  'regression: objects that fail when they are asked, and reports at the same time, spoil no report',
  async (bridge) => {
    const fixture = await objectFixture(bridge);
    const hide = async (): Promise<void> => {
      const shelf = await bridge.callRef('object_fixture:Shelf', ['a']);
      await bridge.call('cycle_fixture:hide', [shelf, listenerOf(shelf)]);
    };
    await hide();
    const reports = await Promise.all([bridge.cycles(), bridge.cycles()]);
    assert.deepEqual(
      reports.map(({ cycles }) => cycles.length),
      [1, 1],
    );
    await breakCycles(fixture);
    await nothingLeft(fixture);
  },
);
