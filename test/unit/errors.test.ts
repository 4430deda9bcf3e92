/** Errors: their story, their form on the wire, frames of TypeScript. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  BridgeClosed,
  BridgeError,
  CallCancelled,
  ComponentError,
  ConversionError,
  ErrorGroup,
  errorFromPayload,
  HostError,
  NativePanic,
  PitError,
  PythonError,
  payloadFromError,
} from '../../extension/bridge/errors';
import { captureCaller, framesOfError, type JoinedFrame } from '../../extension/bridge/stack';
import { pythonError } from './memoryPeer';

const caller: JoinedFrame[] = [
  { language: 'typescript', function: 'run', file: '/app/run.ts', line: 3, column: 9 },
];

test('the stack reads TypeScript, Python, Rust, in call order', () => {
  const payload = pythonError('no model is called embedder', {
    type: 'symphony_bridge.pit.PitError',
    code: 'pit-not-found',
    hint: 'Register it first.',
    origin: 'pit',
    component: 'pool',
    operation: 'allocate',
    frames: [
      { language: 'python', function: 'main', file: '/ws/tour.conductor.py', line: 40 },
      { language: 'rust', function: 'pit::pool::allocate', file: 'native/pit/src/pool.rs', line: 88 },
    ],
  });
  const error = errorFromPayload(payload, { caller, resolveFile: (file) => join('/product', file) });
  assert.ok(error instanceof PitError);
  assert.deepEqual([error.component, error.operation, error.code], ['pool', 'allocate', 'pit-not-found']);
  assert.equal(
    error.stack,
    [
      'PitError [symphony_bridge.pit.PitError]: no model is called embedder',
      '  hint: Register it first.',
      '  TypeScript',
      '    at run (/app/run.ts:3:9)',
      '  Python',
      '    at main (/product/ws/tour.conductor.py:40)',
      '  Rust',
      '    at pit::pool::allocate (/product/native/pit/src/pool.rs:88)',
    ].join('\n'),
  );
  assert.equal(inspect(error), error.stack);
});

test('kinds follow code and origin', () => {
  const kinds: [object, abstract new (...args: never[]) => BridgeError][] = [
    [{}, PythonError],
    [{ origin: 'component' }, ComponentError],
    [{ origin: 'pit' }, PitError],
    [{ origin: 'bridge', code: 'native-panic' }, NativePanic],
    [{ origin: 'host' }, HostError],
    [{ origin: 'bridge', code: 'deadlock' }, BridgeError],
    [{ code: 'closed' }, BridgeClosed],
    [{ code: 'cancelled' }, CallCancelled],
    [{ code: 'conversion' }, ConversionError],
  ];
  for (const [more, kind] of kinds) {
    const error = errorFromPayload(pythonError('x', more));
    assert.equal(error.constructor, kind);
    assert.equal(error.name, kind.name);
  }
});

test('regression: a panic says whose operation it was, and is no error of the Pit', () => {
  const known = { component: 'text_index', operation: 'find', details: { panic: 'index out of bounds' } };
  const error = errorFromPayload(
    pythonError('text_index.find panicked', { code: 'native-panic', origin: 'bridge', ...known }),
  );
  assert.ok(error instanceof NativePanic && !(error instanceof ComponentError), error.stack);
  const { component, operation, details } = error;
  assert.deepEqual({ component, operation, details }, known);
  assert.match(error.hint, /Report it/);
});

test('causes and notes are told, a cause only once', () => {
  const error = errorFromPayload(
    pythonError('outer', { notes: ['first', 'second'], cause: pythonError('inner', { type: 'KeyError' }) }),
  );
  assert.ok(error.cause instanceof PythonError);
  assert.match(
    String(error.stack),
    /note: first\n {2}note: second\n[\s\S]+caused by PythonError \[KeyError\]: inner/,
  );
});

test('a cause that leads back to itself ends, of whatever class', () => {
  for (const loop of [new BridgeError('a'), new Error('a')] as (Error & { cause: unknown })[]) {
    const outer = new BridgeError('b', { cause: loop });
    loop.cause = outer;
    const payload = payloadFromError(loop);
    assert.equal(payload.cause?.message, 'b');
    assert.equal(payload.cause?.cause, null);
    assert.match(String(new BridgeError('c', { cause: loop }).stack), /caused by/);
    loop.cause = loop;
    assert.equal(payloadFromError(loop).cause, null);
  }
});

test('a chain of any length is cut', () => {
  let error = new Error('first');
  for (let i = 0; i < 20_000; i++) error = new Error(`${i}`, { cause: error });
  let depth = 0;
  for (let at = payloadFromError(error).cause; at; at = at.cause) depth += 1;
  assert.ok(depth > 10 && depth < 100, `${depth}`);
  assert.ok(String(new BridgeError('outer', { cause: error }).stack).length < 200_000);
});

test('members of an AggregateError travel, and come back as one', () => {
  const inner = new AggregateError([new RangeError('deep')], 'inner');
  const many = new AggregateError([new TypeError('a'), inner], 'many');
  const payload = payloadFromError(many);
  assert.deepEqual(
    payload.errors?.map((member) => member?.message),
    ['a', 'inner'],
  );
  const error = errorFromPayload({ ...payload, origin: 'host' });
  assert.ok(error instanceof ErrorGroup && error instanceof AggregateError && error instanceof BridgeError);
  assert.ok(error instanceof HostError && !(error instanceof PythonError) && !(error instanceof PitError));
  assert.ok((error.errors[1] as Error) instanceof AggregateError);
  assert.match(String(error.stack), / {2}2 of 2: [\s\S]+ {4}1 of 1: [\s\S]*deep/);
  assert.deepEqual([error.code, error.name, error.type], ['host-error', 'HostError', 'AggregateError']);
  many.errors.push(many);
  assert.equal(payloadFromError(many).errors?.length, 2);
});

test('every error has a hint; the stack shows it where it tells more than the stack', () => {
  assert.ok(new BridgeError('x').hint && new BridgeClosed().hint && new PythonError('x').hint);
  assert.match(String(new BridgeClosed().stack), /hint: Restart/);
  assert.doesNotMatch(String(errorFromPayload(pythonError('x')).stack), /hint/);
  assert.equal(errorFromPayload(pythonError('x', { hint: 'Try y.' })).tellingHint, 'Try y.');
});

test('what a JavaScript error knows besides travels as plain fields', () => {
  const error = Object.assign(new Error('no file'), {
    code: 'ENOENT',
    errno: -2,
    extra: { deep: 1 },
    f() {},
  });
  assert.deepEqual(payloadFromError(error).details, { code: 'ENOENT', errno: -2 });
  assert.equal(payloadFromError(error).code, 'host-error');
});

test('nothing that is thrown makes describing it throw', () => {
  const no = (): never => {
    throw new Error('no');
  };
  const hostile = new Proxy(new Error('x'), { get: no, getPrototypeOf: no, ownKeys: no, has: no });
  const getters = Object.defineProperties(new Error('x'), {
    stack: { get: no },
    cause: { get: no },
    message: { get: no },
    field: { get: no, enumerable: true },
  });
  const odd = Object.assign(new Error('x'), { message: Symbol('s'), name: { toString: no }, stack: 7 });
  for (const thrown of [hostile, getters, odd, Symbol('s'), Object.create(null), 10n, () => 1]) {
    const payload = payloadFromError(thrown);
    assert.equal(typeof payload.message, 'string');
    assert.equal(typeof payload.type, 'string');
  }
});

test('a payload that makes no sense is told as such', () => {
  for (const value of [null, 7, 'text', {}, { message: 3 }]) {
    const error = errorFromPayload(value);
    assert.equal(error.code, 'protocol');
  }
  assert.deepEqual(errorFromPayload({ message: 'bare' }).frames, []);
  const broken = {
    message: 'm',
    frames: [null, 7, { file: 3 }, { language: 'python', function: 'f', file: 'a.py', line: 1 }],
    notes: 'no list',
    cause: 5,
    errors: [null, 3],
    details: [1],
    original: 'x',
    type: null,
    code: {},
    hint: 9,
  };
  const error = errorFromPayload(broken);
  assert.equal(error.frames.length, 1);
  assert.deepEqual([error.notes, error.details, error.cause], [[], null, undefined]);
  const nameless = errorFromPayload({ message: 'm', origin: 'pit', component: 7 }) as PitError;
  assert.equal(nameless.component, null);
});

test('what functions throw becomes a payload, whatever it is', () => {
  const typed = payloadFromError(new TypeError('wrong'));
  assert.deepEqual([typed.type, typed.message, typed.code], ['TypeError', 'wrong', 'host-error']);
  assert.equal(typed.frames.at(-1)?.language, 'typescript');
  assert.match(String(typed.frames.at(-1)?.file), /errors\.test\.ts$/);
  assert.equal(payloadFromError('plain text').message, 'plain text');
  assert.match(
    payloadFromError({
      toString: () => {
        throw new Error();
      },
    }).message,
    /\[object Object\]/,
  );
  assert.equal(payloadFromError(undefined).type, 'undefined');
  const aborted = payloadFromError(AbortSignal.abort().reason);
  assert.equal(aborted.code, 'cancelled');
});

test('an error of Python that passes through TypeScript keeps its frames', () => {
  const error = errorFromPayload(pythonError('deep'), { caller });
  const payload = payloadFromError(error);
  assert.deepEqual(
    payload.frames.map(({ language }) => language),
    ['typescript', 'python'],
  );
  assert.equal(payload.type, 'ValueError');
});

test('a capture knows the line of its caller, in TypeScript', () => {
  function entry() {
    return captureCaller(entry);
  }
  const capture = entry();
  const line = Number(/errors\.test\.ts:(\d+)$/.exec(String(capture.site()))?.[1]);
  const frames = capture.frames();
  assert.equal(frames.at(-1)?.line, line);
  const here = framesOfError(new Error('here')).at(-1);
  assert.ok(here && here.line > line && here.line < line + 8, `${here?.line} is a little below ${line}`);
});

test('frames stay in call order through functions and await', async () => {
  async function inner() {
    await null;
    return framesOfError(new Error('x'));
  }
  async function outer() {
    return await inner();
  }
  const names = (await outer()).map((frame) => frame.function);
  assert.ok(names.indexOf('outer') < names.indexOf('inner'), names.join());
});
