/** Errors over both borders: every kind that Python has, what JavaScript throws, and what comes back. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type BridgeError,
  CallCancelled,
  ErrorGroup,
  HostError,
  PitError,
  PythonError,
} from '../../extension/bridge/errors';
import { refOfFace } from '../../extension/bridge/faces';
import { length } from '../../extension/bridge/operations';
import type { Bridge } from '../../extension/conductor/openBridge';
import { runScript } from '../../extension/conductor/runScript';
import { onBothHosts, openEmbedded, recordOutput, rejection, scratchFolder } from './bothHosts';

async function failure(bridge: Bridge, kind: string, how = 'fail'): Promise<BridgeError> {
  const error = await rejection(bridge.call(`error_fixture:${how}`, [kind], { deadlineMs: 20_000 }));
  return error as BridgeError;
}

/** Names, what the message and hint say, and fields, of each exception that a user knows. */
const ROWS: readonly [kind: string, type: string, message: RegExp, hint: RegExp, details: object][] = [
  ['syntax_error', 'SyntaxError', /inner\.py, line 2/, /Correct/, { line: 2, text: 'def f(:\n' }],
  [
    'import_error',
    'ModuleNotFoundError',
    /module_that_is_not_there/,
    /-m pip install module_that_is_not_there/,
    { name: 'module_that_is_not_there' },
  ],
  ['from_import_error', 'ImportError', /nothing_of_this_name/, /json/, { name: 'json' }],
  ['interrupt', 'KeyboardInterrupt', /^interrupted$/, /Ctrl\+C/, {}],
  ['exit', 'SystemExit', /^3$/, /sys\.exit/, { exit_code: 3 }],
  ['memory', 'MemoryError', /^/, /less/, {}],
  ['recursion', 'RecursionError', /recursion/, /without end/, {}],
  ['stop_iteration', 'StopIteration', /^/, /next\(\)/, {}],
  ['stop_async_iteration', 'StopAsyncIteration', /^/, /async for/, {}],
  ['generator_exit', 'GeneratorExit', /^closed$/, /generator/, {}],
  ['odd', 'error_fixture.Odd', /^odd$/, /Python frame/, {}],
  ['mute', 'error_fixture.Mute', /str\(\) raised RuntimeError/, /Python frame/, {}],
  ['unicode', 'UnicodeDecodeError', /0xff/, /utf-8/, { encoding: 'utf-8', start: 0, end: 1 }],
  ['os', 'FileNotFoundError', /nowhere/, /\/nowhere\/at\/all/, { errno: 2, filename: '/nowhere/at/all' }],
  ['cycle', 'ValueError', /^around$/, /Python frame/, {}],
];

onBothHosts('every exception of Python’s arrives with type, message, hint and fields', async (bridge) => {
  for (const [kind, type, message, hint, details] of ROWS) {
    const error = await failure(bridge, kind);
    assert.ok(error instanceof PythonError, `${kind}: ${error.stack}`);
    assert.deepEqual([error.type, error.code], [type, 'python-exception'], kind);
    assert.match(error.message, message, kind);
    assert.match(error.hint, hint, kind);
    for (const [name, value] of Object.entries(details)) assert.equal(error.details?.[name], value, kind);
    assert.ok(error.frames.length < 40, `${kind}: ${error.frames.length} frames`);
    assert.match(String(error.stack), /errors\.test\.ts[\s\S]+error_fixture\.py/, kind);
  }
  assert.equal(await bridge.call('bridge_fixture:add_async', [20, 22]), 42);
});

onBothHosts('they arrive from the event loop, too', async (bridge) => {
  for (const [kind, type] of ROWS) {
    const error = await failure(bridge, kind, 'fail_async');
    // Python itself turns a StopIteration that leaves a coroutine into a RuntimeError.
    const isChanged = kind === 'stop_iteration';
    assert.equal(error.type, isChanged ? 'RuntimeError' : type, `${kind}: ${error.stack}`);
    if (isChanged) assert.equal((error.cause as BridgeError).type, type);
  }
  assert.equal(await bridge.call('bridge_fixture:add_async', [20, 22]), 42);
});

onBothHosts('a cancellation of Python’s own is not the caller’s', async (bridge) => {
  for (const how of ['fail', 'fail_async']) {
    const error = await failure(bridge, 'cancelled', how);
    assert.ok(!(error instanceof CallCancelled), error.stack);
    assert.match(error.type, /CancelledError$/);
    assert.match(error.hint, /not by whoever made this call/);
  }
});

onBothHosts('a syntax error shows line and caret, notes are told, a cycle of causes ends', async (bridge) => {
  const syntax = String((await failure(bridge, 'syntax_error')).stack);
  assert.match(syntax, /\n {4}def f\(:\n {10}\^\n/, syntax);
  const noted = await failure(bridge, 'noted');
  assert.deepEqual(noted.notes, ['first', 'second']);
  const cycle = await failure(bridge, 'cycle');
  assert.equal((cycle.cause as BridgeError).message, 'and around');
  assert.equal((cycle.cause as BridgeError).cause, undefined);
});

onBothHosts('an exception group is an AggregateError, also inside another', async (bridge) => {
  const [major, minor] = await bridge.call<number[]>('builtins:list', [
    await bridge.callRef('builtins:eval', ['__import__("sys").version_info[:2]']),
  ]);
  const error = await failure(bridge, 'group');
  if (major === 3 && minor < 11) {
    assert.equal(error.type, 'NameError');
    return;
  }
  assert.ok(error instanceof ErrorGroup && error instanceof AggregateError, error.stack);
  assert.ok(error instanceof PythonError && !(error instanceof HostError));
  assert.equal(error.message, 'outer');
  const [first, inner] = error.errors as [BridgeError, AggregateError];
  assert.equal(first.type, 'ValueError');
  assert.ok(inner instanceof AggregateError);
  assert.deepEqual(
    inner.errors.map(({ type }) => type),
    ['KeyError', 'FileNotFoundError'],
  );
  assert.match(
    String(error.stack),
    /2 of 2: PythonError \[ExceptionGroup\]: inner\n[\s\S]+1 of 2: PythonError \[KeyError\]/,
  );
});

onBothHosts('an exception that passes through TypeScript comes back as the same object', async (bridge) => {
  const fixture = await bridge.import('error_fixture');
  bridge.expose('desk', {
    async again(kind: string) {
      await fixture.fail(kind);
    },
    async caught(kind: string) {
      const error = await rejection(fixture.fail(kind));
      throw error;
    },
  });
  // Before 3.11 the one called `group` is a NameError, which has to come back just as well.
  for (const kind of [...ROWS.map(([kind]) => kind), 'noted', 'group']) {
    assert.equal(await fixture.through('desk.again', kind), 'the same', kind);
    assert.equal(await fixture.through('desk.caught', kind), 'the same', kind);
    if (kind === 'stop_iteration') {
      // An asyncio future takes no StopIteration: it arrives as the cause.
      assert.equal(await fixture.through_async('desk.again', kind), 'RuntimeError, from the same');
    } else if (kind !== 'interrupt' && kind !== 'exit') {
      assert.equal(await fixture.through_async('desk.again', kind), 'the same', kind);
    }
  }
  const text = await fixture.printed('desk.again', 'os');
  assert.match(
    text,
    /in printed\n[\s\S]+errors\.test\.ts", line \d+, in (\w+\.)?again\n[\s\S]+error_fixture\.py", line \d+, in _os/,
  );
});

onBothHosts('through four borders the story is whole and both objects are the same', async (bridge) => {
  const fixture = await bridge.import('error_fixture');
  let between: unknown;
  bridge.expose('desk', {
    async again(kind: string) {
      between = await rejection(fixture.fail(kind));
      throw between;
    },
  });
  for (const pass of [fixture.let_pass, fixture.let_pass_async]) {
    const error = (await rejection(pass('desk.again', 'os'))) as BridgeError;
    assert.ok(error instanceof PythonError, error.stack);
    assert.equal(error.original, between);
    const languages = error.frames
      .map(({ language }) => language)
      .filter((name, i, all) => name !== all[i - 1]);
    assert.deepEqual(languages, ['typescript', 'python', 'typescript', 'python'], error.stack);
    assert.equal(await fixture.is_last(error), true);
    assert.equal(await fixture.is_last(error.exception), true);
  }
});

onBothHosts('a JavaScript error that passes through Python is the same object', async (bridge) => {
  const fixture = await bridge.import('error_fixture');
  for (const thrown of [new RangeError('far'), 'text', null, undefined, 7, { odd: true }]) {
    bridge.expose('desk', {
      open() {
        throw thrown;
      },
    });
    for (const pass of [fixture.let_pass, fixture.let_pass_async]) {
      const error = await rejection(pass('desk.open'));
      assert.ok(error instanceof HostError, error.stack);
      assert.equal(error.original, thrown);
    }
  }
});

onBothHosts(
  'Python sees name, message, code, fields, cause and members of a JavaScript error',
  async (bridge) => {
    const fixture = await bridge.import('error_fixture');
    const missing = Object.assign(new Error('no such page', { cause: new TypeError('inner') }), {
      code: 'ENOENT',
      errno: -2,
    });
    const many = new AggregateError(
      [new RangeError('a'), new AggregateError([new Error('b')], 'deep')],
      'many',
    );
    bridge.expose('desk', {
      missing() {
        throw missing;
      },
      many: () => Promise.any([Promise.reject(many.errors[0]), Promise.reject(many.errors[1])]),
    });
    const facts = await fixture.facts('desk.missing');
    assert.deepEqual([facts.type, facts.name, facts.message], ['HostError', 'Error', 'no such page']);
    assert.deepEqual([facts.code, facts.cause], ['host-error', 'TypeError: inner']);
    assert.deepEqual(facts.details, { code: 'ENOENT', errno: -2 });
    const group = await fixture.facts('desk.many');
    assert.equal(group.errors[0], 'RangeError: a');
    assert.match(group.errors[1], /deep/);
    const text = await fixture.printed('desk.missing');
    assert.match(
      text,
      /TypeError: inner[\s\S]+direct cause[\s\S]+in printed\n[\s\S]+errors\.test\.ts", line \d+[\s\S]+HostError: no such page/,
    );
    const back = await rejection(fixture.let_pass('desk.many'));
    assert.ok(back instanceof AggregateError && back instanceof HostError, back.stack);
    assert.equal(back.errors.length, 2);
  },
);

onBothHosts(
  'a cyclic cause, or an error that cannot be read or packed, neither hangs nor ends anything',
  async (bridge) => {
    const fixture = await bridge.import('error_fixture');
    const cyclic = new Error('around');
    cyclic.cause = new Error('and around', { cause: cyclic });
    const hostile = new Proxy(new Error('x'), {
      get() {
        throw new Error('no');
      },
      getPrototypeOf() {
        throw new Error('no');
      },
    });
    const getters = Object.defineProperties(new Error('getters'), {
      stack: {
        get: () => {
          throw new Error('no stack');
        },
      },
      cause: {
        get: () => {
          throw new Error('no cause');
        },
      },
    });
    const odd = Object.assign(new Error('odd'), { message: Symbol('s'), name: {}, code: 10n });
    let thrown: unknown;
    bridge.expose('desk', {
      open() {
        throw thrown;
      },
    });
    for (thrown of [cyclic, hostile, getters, odd, Symbol('s'), () => 1]) {
      assert.match(await fixture.through('desk.open'), /HostError/);
      assert.match(await fixture.through_async('desk.open'), /HostError/);
    }
    assert.equal(await bridge.call('math:floor', [2.5]), 2);
  },
);

onBothHosts('errors cross as values, both ways, and come back as the same objects', async (bridge) => {
  const fixture = await bridge.import('error_fixture');
  const [error, { same }] = await fixture.as_value('os');
  assert.ok(error instanceof PythonError && error.type === 'FileNotFoundError', String(error));
  assert.equal(error, same);
  assert.match(String(error.stack), /_os \(.*error_fixture\.py/);
  assert.equal(await fixture.is_last(error), true);
  assert.equal(await fixture.is_last({ deep: [error] }.deep[0]), true);
  const thrown = new RangeError('far', { cause: new TypeError('inner') });
  const facts = await fixture.seen(thrown);
  assert.deepEqual(
    [facts.type, facts.text, facts.cause],
    ['HostError', 'RangeError: far', 'TypeError: inner'],
  );
  assert.ok(facts.frames > 0);
  assert.equal(facts.error, thrown);
  const many = new AggregateError([thrown], 'many');
  assert.equal((await fixture.seen(many)).error, many);
  bridge.expose('desk', { echo: (value: unknown) => value });
  assert.equal(await fixture.is_last(await fixture.let_pass('desk.echo', error)), true);
});

onBothHosts('regression: an object that Python no longer holds is told as released', async (bridge) => {
  const list = await bridge.callRef('builtins:list', [[1, 2]]);
  const ref = refOfFace(list);
  assert.ok(ref);
  // Behind the back of this side, which would refuse by itself.
  ref.owner.release(ref.handle, 1);
  const isHeld = async () => {
    const handles = await bridge.call<{ id: number }[]>('symphony_bridge._native:handles');
    return handles.some(({ id }) => id === ref.handle);
  };
  while (await isHeld()) await new Promise((resolve) => setTimeout(resolve, 5));
  const error = (await rejection(length(list))) as BridgeError;
  assert.deepEqual([error.code, error.type], ['released', 'LookupError'], error.stack);
  assert.match(error.hint, /undisposed/);
});

onBothHosts('kept exceptions are bounded, let go, and never a leak', async (bridge) => {
  const fixture = await bridge.import('error_fixture');
  const before = await fixture.open_handles();
  for (let round = 0; round < 300; round += 1) await failure(bridge, 'os');
  assert.equal(await fixture.open_handles(), before);
  const handles = await bridge.call<unknown[]>('symphony_bridge._native:handles');
  assert.ok(handles.length < 300, `${handles.length} handles`);
  let freed = false;
  for (let round = 0; round < 100 && !freed; round += 1) {
    global.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const left = await bridge.call<{ kind: string; name: string }[]>('symphony_bridge._native:handles');
    freed = left.filter(({ name }) => name === 'FileNotFoundError').length < 5;
  }
  assert.ok(freed);
});

onBothHosts('an error of the Pit shows its line of Rust below those of Python', async (bridge) => {
  const error = await rejection(bridge.call('symphony_bridge.pit:artifacts.retrieve', ['no id']));
  assert.ok(error instanceof PitError, error.stack);
  assert.deepEqual([error.code, error.component, error.operation], ['pit-invalid', 'artifacts', 'retrieve']);
  assert.equal(error.frames.filter(({ language }) => language === 'rust').length, 1, error.stack);
  assert.equal(error.details?.field, 'id');
});

onBothHosts('regression: an error of the Pit has what led to it in Rust as its cause', async (bridge) => {
  const path = await bridge.callRef('pathlib:Path', ['/nowhere/at/all']);
  const error = await rejection(bridge.call('symphony_bridge.pit:artifacts.store', [path]));
  assert.ok(error instanceof PitError && error.code === 'pit-not-found', error.stack);
  const cause = error.cause as BridgeError;
  assert.deepEqual([cause.type, cause.details?.errno], ['FileNotFoundError', 2], error.stack);
});

onBothHosts('sys.exit ends a script with its code, and a call with an error', async (bridge) => {
  const output = recordOutput(bridge);
  const path = join(scratchFolder(), 'exits.conductor.py');
  writeFileSync(path, 'import sys\nsys.exit("for a reason")\n');
  assert.equal((await runScript(bridge, path)).exitCode, 1);
  assert.match(output.stderr, /for a reason/);
  assert.equal((await failure(bridge, 'exit')).details?.exit_code, 3);
});

test('embedded: a synchronous call throws the same joined errors', async (t) => {
  const bridge = await openEmbedded(t);
  for (const [kind, type] of ROWS) {
    assert.throws(
      () => bridge.callSync('error_fixture:fail', kind),
      (error: BridgeError) => error instanceof PythonError && error.type === type && error.exception !== null,
      kind,
    );
  }
  const error = (() => {
    try {
      return bridge.callSync<BridgeError>('error_fixture:fail', 'os');
    } catch (caught) {
      return caught as BridgeError;
    }
  })();
  assert.equal(bridge.callSync('error_fixture:is_last', error), true);
  bridge.expose('desk', { again: (kind: string) => bridge.callSync('error_fixture:fail', kind) });
  assert.equal(bridge.callSync('error_fixture:through', 'desk.again', 'os'), 'the same');
  assert.equal(bridge.callSync('error_fixture:through', 'desk.again', 'mute'), 'the same');
  assert.throws(
    () => bridge.callSync('error_fixture:let_pass', 'desk.again', 'os'),
    ({ frames }: BridgeError) => {
      const languages = frames.map(({ language }) => language);
      const turns = languages.filter((language, index) => language !== languages[index - 1]);
      assert.deepEqual(turns, ['typescript', 'python', 'typescript', 'python']);
      return true;
    },
  );
});

onBothHosts('of very many calls, each that fails tells its own callers and nobody else’s', async (bridge) => {
  const fixture = (await bridge.import('error_fixture')) as unknown as Record<string, Fail>;
  const unawaited = new Promise<BridgeError>((resolve) => {
    setImmediate(function lonely() {
      fixture.fail('odd').catch(resolve);
    });
  });
  async function crowd(): Promise<unknown[]> {
    return await Promise.all(Array.from({ length: 40 }, one));
  }
  async function one(): Promise<unknown> {
    return await rejection(fixture.fail('odd'));
  }
  const errors = (await crowd()) as BridgeError[];
  for (const error of errors) {
    const names = error.frames.map((frame) => frame.function);
    assert.ok(
      names.some((name) => /crowd/.test(name)) && names.some((name) => /one/.test(name)),
      error.stack,
    );
    assert.match(String(error.stack), /errors\.test\.ts[\s\S]+error_fixture\.py/);
  }
  const lonely = await unawaited;
  assert.doesNotMatch(String(lonely.stack), /crowd/);
  assert.match(String(lonely.stack), /error_fixture\.py/);
});

type Fail = (kind: string) => Promise<unknown>;
