/** Errors: their story, their form on the wire, frames of TypeScript. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  BridgeClosed,
  BridgeError,
  CallCancelled,
  ConversionError,
  errorFromPayload,
  HostError,
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
    [{ origin: 'pit' }, PitError],
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

test('causes and notes are told, a cause only once', () => {
  const error = errorFromPayload(
    pythonError('outer', { notes: ['first', 'second'], cause: pythonError('inner', { type: 'KeyError' }) }),
  );
  assert.ok(error.cause instanceof PythonError);
  assert.match(
    String(error.stack),
    /note: first\n {2}note: second\n[\s\S]+caused by PythonError \[KeyError\]: inner/,
  );
  const loop = new BridgeError('a') as BridgeError & { cause: unknown };
  Object.defineProperty(loop, 'cause', { value: loop });
  assert.doesNotThrow(() => payloadFromError(new BridgeError('b', { cause: new Error('c') })));
});

test('a payload that makes no sense is told as such', () => {
  for (const value of [null, 7, 'text', {}, { message: 3 }]) {
    const error = errorFromPayload(value);
    assert.equal(error.code, 'protocol');
  }
  assert.deepEqual(errorFromPayload({ message: 'bare' }).frames, []);
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
