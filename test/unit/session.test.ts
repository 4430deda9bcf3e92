/** Calls, cancellation, handles and exposed functions of a session, against a peer in memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  BridgeClosed,
  BridgeError,
  CallCancelled,
  ConversionError,
  errorFromPayload,
  HostError,
  PythonError,
} from '../../extension/bridge/errors';
import { attribute, kw, type PyObject, value } from '../../extension/bridge/refs';
import { currentCall } from '../../extension/bridge/scope';
import { Session } from '../../extension/bridge/session';
import { FrameFlag, FrameKind } from '../../extension/protocol/frame';
import { Trait } from '../../extension/protocol/pack';
import { MemoryPeer, pythonError, settle, WireHandle } from './memoryPeer';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function connect(): { peer: MemoryPeer; session: Session } {
  const peer = new MemoryPeer();
  return { peer, session: new Session(peer) };
}

/** A peer whose imports and refs get handle 1, 2, …, and whose other calls get `answer`. */
function answering(answer: (name: unknown, args: unknown[], kwargs: unknown) => unknown) {
  const { peer, session } = connect();
  let handle = 0;
  peer.onCall = (call) => {
    const [name, args, kwargs] = call.value as [unknown, unknown[], unknown];
    const result =
      call.flags & FrameFlag.RETURN_REF ? new WireHandle(false, ++handle) : answer(name, args, kwargs);
    peer.emit(FrameKind.RESULT, call.id, result);
  };
  return { peer, session };
}

test('a call carries name, arguments, keywords and the line of its caller', async () => {
  const { peer, session } = answering((_name, args) => args[0]);
  assert.equal(await session.call('math:floor', [2.5], { kwargs: { base: 3 } }), 2.5);
  const [call] = peer.framesOf(FrameKind.CALL);
  const [name, args, kwargs, site] = call.value as unknown[];
  assert.equal(name, 'math:floor');
  assert.deepEqual([...(args as unknown[])], [2.5]);
  assert.deepEqual(kwargs, { base: 3 });
  assert.match(String(site), /test\/unit\/session\.test\.ts:\d+$/);
  assert.ok(call.sentNs > 0);
});

test('however many calls a turn makes, a recorded one carries its own line', async () => {
  const { peer, session } = answering(() => null);
  const first = Array.from({ length: 40 }, () => session.call('a:b'));
  const second = ['a:c'].map((name) => session.call(name));
  await Promise.all([...first, ...second]);
  const sites = peer.framesOf(FrameKind.CALL).map((call) => String((call.value as unknown[])[3]));
  assert.equal(new Set(sites.slice(0, 40)).size, 1);
  assert.match(sites[40], /session\.test\.ts:\d+$/);
  assert.notEqual(sites[40], sites[0]);
});

test('the frames of one turn leave together', async () => {
  const { peer, session } = answering(() => null);
  await Promise.all([session.call('a:b'), session.call('a:c'), session.call('a:d')]);
  assert.deepEqual(peer.batches, [3]);
});

test('an imported module is an object whose attributes are called', async () => {
  const { peer, session } = answering((name, args, kwargs) => ({ name, args: [...args], kwargs }));
  const stats = await session.import('statistics');
  assert.deepEqual(await stats.mean([1, 2]), { name: 'mean', args: [[1, 2]], kwargs: null });
  assert.deepEqual(await stats.a.b(1, kw({ n: 2 })), { name: 'a.b', args: [1], kwargs: { n: 2 } });
  assert.deepEqual(await attribute(stats, 'ref')(), { name: 'ref', args: [], kwargs: null });
  assert.equal(await session.import('statistics'), stats);
  const [imported, called] = peer.framesOf(FrameKind.CALL);
  assert.equal(imported.flags, FrameFlag.RETURN_REF | FrameFlag.LONG_LIVED);
  assert.equal(called.target, 1);
  assert.equal(String(stats.mean), '[Python statistics.mean]');
});

test('options come after kw(), or hold a signal; anything else is an argument', async () => {
  const { session } = answering((_name, args, kwargs) => [[...args], kwargs]);
  const module = await session.import('m');
  assert.deepEqual(await module.f(kw({ n: 1 }), { deadlineMs: 500 }), [[], { n: 1 }]);
  assert.deepEqual(await module.f(1, { signal: new AbortController().signal }), [[1], null]);
  assert.deepEqual(await module.f({ deadlineMs: 500 }), [[{ deadlineMs: 500 }], null]);
  assert.deepEqual(await module.f.with({ deadlineMs: 500 })(2), [[2], null]);
});

test('an attribute is read by value in one question, whatever its depth', async () => {
  const { peer, session } = answering((name, args) => `${name} ${args[1]}`);
  const module = await session.import('os');
  assert.equal(await value(module.path.sep), 'symphony_bridge._objects:get path.sep');
  assert.equal(peer.framesOf(FrameKind.CALL).length, 2);
});

test('an object that arrives again is the same; its release tells how often it had come', async () => {
  const { peer, session } = connect();
  peer.onCall = (call) =>
    peer.emit(FrameKind.RESULT, call.id, new WireHandle(false, 40, Trait.CLASS, 'Counter'));
  const [one, other] = [await session.call<PyObject>('m:f'), await session.call<PyObject>('m:f')];
  assert.equal(one, other);
  assert.equal(String(one), '[Python class Counter]');
  one[Symbol.dispose]();
  await settle();
  assert.deepEqual(peer.framesOf(FrameKind.RELEASE), []);
  other[Symbol.dispose]();
  const anew = await session.call<PyObject>('m:f');
  assert.notEqual(anew, one);
  await settle();
  assert.deepEqual(
    peer.framesOf(FrameKind.RELEASE).map(({ value: handles }) => handles),
    [[40, -1]],
  );
  session.close();
  assert.deepEqual(peer.framesOf(FrameKind.RELEASE).at(-1)?.value, [40]);
});

test('regression: a getter that calls Python while a value is packed mixes up no handles', async () => {
  const { peer, session } = connect();
  peer.onCall = (call) => peer.emit(FrameKind.RESULT, call.id, null);
  const inner: Promise<unknown>[] = [];
  const outer = {
    first: () => 1,
    get nested() {
      inner.push(session.call('m:inner', [() => 2]));
      return 3;
    },
    get broken(): number {
      throw new RangeError('no value');
    },
  };
  await assert.rejects(session.call('m:outer', [outer]));
  await Promise.all(inner);
  const [, args] = peer.framesOf(FrameKind.CALL)[0].value as [string, WireHandle[]];
  assert.equal((await peer.call(null, [], { target: args[0].handle })).value, 2);
  const first = args[0].handle - 1;
  assert.equal((await peer.call(null, [], { target: first })).kind, FrameKind.ERROR);
});

test('a released handle is told once, after the calls that use it', async () => {
  const { peer, session } = connect();
  peer.onCall = (call) => {
    if (call.flags & FrameFlag.RETURN_REF) peer.emit(FrameKind.RESULT, call.id, new WireHandle(false, 40));
  };
  const object = await session.callRef('m:make');
  const running = object.work();
  object[Symbol.dispose]();
  object[Symbol.dispose]();
  await settle();
  assert.deepEqual(peer.framesOf(FrameKind.RELEASE), []);
  const work = peer.framesOf(FrameKind.CALL)[1];
  peer.emit(FrameKind.RESULT, work.id, 'done');
  assert.equal(await running, 'done');
  await settle();
  assert.deepEqual(
    peer.framesOf(FrameKind.RELEASE).map(({ value: handles }) => handles),
    [[40]],
  );
  await assert.rejects(object.work(), { code: 'released', message: /m:make was released/ });
});

test('a handle nobody holds any more is released by the collector', async () => {
  const { peer, session } = answering(() => null);
  await (async () => void (await session.callRef('m:make')))();
  for (let i = 0; i < 50 && peer.framesOf(FrameKind.RELEASE).length === 0; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.deepEqual(
    peer.framesOf(FrameKind.RELEASE).map(({ value: handles }) => handles),
    [[1]],
  );
});

test('an error of Python tells one story and shows the caller first', async () => {
  const { peer, session } = connect();
  peer.onCall = (call) =>
    peer.emit(FrameKind.ERROR, call.id, pythonError('no data', { notes: ['try more'] }));
  const error = await session.call('statistics:mean', [[]]).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof PythonError);
  assert.equal(error.type, 'ValueError');
  const languages = error.frames.map(({ language }) => language);
  assert.equal(languages[0], 'typescript');
  assert.equal(languages.at(-1), 'python');
  const stack = String(error.stack);
  assert.match(stack, /^PythonError \[ValueError\]: no data\n {2}note: try more\n {2}TypeScript\n/);
  assert.match(stack, /session\.test\.ts:\d+:\d+\)\n {2}Python\n {4}at mean \(\/lib\/statistics\.py:12\)$/);
});

test('cancelling rejects only once Python has cleaned up', async () => {
  const { peer, session } = connect();
  const controller = new AbortController();
  let settled = false;
  const call = session.call('m:slow', [], { signal: controller.signal });
  call
    .catch(() => {})
    .finally(() => {
      settled = true;
    });
  await settle();
  controller.abort();
  await settle();
  const [cancel] = peer.framesOf(FrameKind.CANCEL);
  assert.equal(cancel.id, peer.framesOf(FrameKind.CALL)[0].id);
  assert.equal(settled, false);
  peer.emit(
    FrameKind.ERROR,
    cancel.id,
    pythonError('the call was cancelled', { code: 'cancelled', origin: 'bridge' }),
  );
  await assert.rejects(
    call,
    (error) => error instanceof CallCancelled && error.message === 'm:slow was cancelled',
  );
});

test('a call that ends before its cancellation arrives gives its result', async () => {
  const { peer, session } = connect();
  const controller = new AbortController();
  const call = session.call('m:quick', [], { signal: controller.signal });
  await settle();
  controller.abort();
  peer.emit(FrameKind.RESULT, peer.framesOf(FrameKind.CALL)[0].id, 7);
  assert.equal(await call, 7);
});

test('a signal that is aborted already sends nothing', async () => {
  const { peer, session } = connect();
  const call = session.call('m:f', [], { signal: AbortSignal.abort() });
  await assert.rejects(call, CallCancelled);
  await settle();
  assert.equal(peer.received.length, 0);
});

test('a deadline cancels and says so', async () => {
  const { peer, session } = connect();
  peer.onFrame = ({ kind, id }) => {
    if (kind === FrameKind.CANCEL) peer.emit(FrameKind.ERROR, id, pythonError('x', { code: 'cancelled' }));
  };
  await assert.rejects(session.call('m:slow', [], { deadlineMs: 20 }), {
    name: 'CallCancelled',
    code: 'deadline',
    message: 'm:slow was cancelled: its deadline of 20 ms passed',
  });
});

test('closing fails every call in flight, and every later one', async () => {
  const { peer, session } = connect();
  const call = session.call('m:f');
  await settle();
  session.close();
  await assert.rejects(call, (error) => error instanceof BridgeClosed && error.code === 'closed');
  await assert.rejects(session.call('m:f'), BridgeClosed);
  assert.equal(peer.framesOf(FrameKind.CLOSE).length, 1);
  assert.ok(peer.closed);
  session.close();
});

test('closing lets Python release everything first', async () => {
  const { peer, session } = answering(() => null);
  const object = await session.callRef('m:make');
  session.close();
  assert.deepEqual(
    peer.received.slice(-2).map(({ kind, value: payload }) => [kind, payload]),
    [
      [FrameKind.RELEASE, [1]],
      [FrameKind.CLOSE, undefined],
    ],
  );
  await assert.rejects(object.f(), BridgeClosed);
});

test('bytes that are no frames end the session with a reason', async () => {
  const { peer, session } = connect();
  const call = session.call('m:f');
  await settle();
  peer.emitBytes(new Uint8Array(64).fill(9));
  await assert.rejects(call, { code: 'protocol' });
  assert.ok(session.closed);
});

test('a value without a form in Python is refused where it is, and nothing is sent', async () => {
  const { peer, session } = connect();
  await assert.rejects(session.call('m:f', [{ items: [1, new Date(Number.NaN)] }]), (error) => {
    assert.ok(error instanceof ConversionError);
    assert.match(error.message, /args\[0\]\.items\[1\]/);
    return error.code === 'conversion';
  });
  await settle();
  assert.equal(peer.received.length, 0);
});

test('exposed functions answer by value and by promise, with this and keywords', async () => {
  const { peer, session } = connect();
  class Editor {
    private readonly prefix = '> ';
    say(text: string, more?: { loud?: boolean }) {
      return this.prefix + (more?.loud ? text.toUpperCase() : text);
    }
    async ask() {
      return true;
    }
  }
  session.expose('editor', new Editor());
  assert.equal((await peer.call('editor.say', ['hi'], { kwargs: { loud: true } })).value, '> HI');
  assert.equal((await peer.call('editor.ask')).value, true);
});

test('what is not exposed cannot be reached', async () => {
  const { peer, session } = connect();
  session.expose('editor', { say: () => 1 });
  for (const name of ['editor.constructor', 'editor.toString', 'editor.say.call', 'other.f', 'editor', '']) {
    const answer = await peer.call(name);
    assert.equal(answer.kind, FrameKind.ERROR, name);
    assert.equal((answer.value as { code: string }).code, 'host-unavailable');
  }
});

test('an error of an exposed function travels with its stack and comes back as the same object', async () => {
  const { peer, session } = connect();
  const thrown = new TypeError('no editor is open');
  session.expose('editor', {
    fail() {
      throw thrown;
    },
  });
  const answer = await peer.call('editor.fail');
  const payload = answer.value as {
    type: string;
    stack: string;
    original: [WireHandle];
    frames: { language: string }[];
  };
  assert.equal(payload.type, 'TypeError');
  assert.match(payload.stack, /session\.test\.ts/);
  assert.equal(payload.frames.at(-1)?.language, 'typescript');
  peer.onCall = (call) =>
    peer.emit(
      FrameKind.ERROR,
      call.id,
      pythonError('no editor is open', {
        origin: 'host',
        original: [new WireHandle(true, payload.original[0].handle)],
      }),
    );
  const error = await session.call('m:f').catch((caught: unknown) => caught);
  assert.ok(error instanceof HostError);
  assert.equal(error.original, thrown);
});

test('an error that cannot be packed is answered with less', async () => {
  const { peer, session } = connect();
  const disposed = errorFromPayload(pythonError('gone'));
  const error = new Error('with a cycle');
  error.cause = error;
  session.expose('editor', {
    cyclic() {
      throw error;
    },
    long() {
      throw new Error('x', { cause: disposed });
    },
  });
  for (const name of ['editor.cyclic', 'editor.long']) {
    const answer = await peer.call(name);
    assert.equal(answer.kind, FrameKind.ERROR);
    assert.equal((answer.value as { code: string }).code, 'host-error');
  }
  // No description at all can be packed while the wire refuses references and plain values alike.
  const wire = (session as unknown as { wire: { encode: (...args: unknown[]) => Uint8Array } }).wire;
  const encode = wire.encode.bind(wire);
  let refusals = 0;
  wire.encode = (...args) => {
    if (refusals++ < 2) throw new TypeError('not now');
    return encode(...args);
  };
  const answer = await peer.call('editor.cyclic');
  assert.deepEqual(
    { ...(answer.value as object) },
    { type: 'Error', message: 'with a cycle', code: 'host-error', frames: [] },
  );
});

test('calls made by an exposed function are children of its span', async () => {
  const { peer, session } = connect();
  peer.onCall = (call) => peer.emit(FrameKind.RESULT, call.id, null);
  session.expose('editor', {
    async work() {
      await settle();
      await session.call('m:f');
      return currentCall()?.name;
    },
  });
  assert.equal((await peer.call('editor.work', [], { span: 77 })).value, 'editor.work');
  assert.equal(peer.framesOf(FrameKind.CALL)[0].parent, 77);
});

test('a cancelled exposed function that listens ends by itself; one that does not is answered for', async () => {
  const { peer, session } = connect();
  session.expose('editor', {
    listens: () =>
      new Promise((_resolve, reject) => {
        const signal = currentCall()?.signal;
        signal?.addEventListener('abort', () => reject(new Error('cleaned up')));
      }),
    deaf: () => new Promise(() => {}),
  });
  const listening = peer.call('editor.listens');
  peer.emit(FrameKind.CANCEL, listening.id);
  assert.equal(((await listening).value as { message: string }).message, 'cleaned up');
  const deaf = peer.call('editor.deaf');
  peer.emit(FrameKind.CANCEL, deaf.id);
  assert.equal(((await deaf).value as { code: string }).code, 'cancelled');
});

test('a function passed to Python is held until it is released, and callable by its handle', async () => {
  const { peer, session } = answering(() => null);
  const double = (x: number) => x * 2;
  await session.call('m:f', [double, double]);
  const [, args] = peer.framesOf(FrameKind.CALL)[0].value as [string, WireHandle[]];
  assert.deepEqual(args[0], args[1]);
  const { handle } = args[0];
  assert.equal((await peer.call(null, [21], { target: handle })).value, 42);
  peer.emit(FrameKind.RELEASE, 0, [handle]);
  assert.equal((await peer.call(null, [21], { target: handle })).value, 42);
  peer.emit(FrameKind.RELEASE, 0, [handle]);
  assert.equal((await peer.call(null, [21], { target: handle })).kind, FrameKind.ERROR);
});

test('an object of another session is refused', async () => {
  const one = answering(() => null).session;
  const other = answering(() => null).session;
  const foreign = await one.callRef('m:make');
  await assert.rejects(other.call('m:f', [foreign]), {
    code: 'conversion',
    message: /belongs to another bridge/,
  });
});

test('output, events and pings', async () => {
  const { peer, session } = connect();
  const seen: unknown[] = [];
  session.onDidOutput((output) => seen.push(output));
  session.onDidEvent((event) => seen.push(event));
  peer.emit(FrameKind.OUTPUT, 0, ['stdout', 'hello\n']);
  peer.emit(FrameKind.EVENT, 0, ['ready', { pid: 1 }]);
  assert.deepEqual(seen, [
    { stream: 'stdout', text: 'hello\n' },
    { name: 'ready', value: { pid: 1 } },
  ]);
  peer.onFrame = ({ kind, id }) => {
    if (kind === FrameKind.PING) peer.emit(FrameKind.PONG, id);
  };
  assert.ok((await session.ping()) >= 0);
  peer.emit(FrameKind.PING, 5);
  await settle();
  assert.equal(peer.framesOf(FrameKind.PONG)[0].id, 5);
});

test('errors of the bridge are BridgeErrors with a code', () => {
  const error = new BridgeError('x', { code: 'some-code', hint: 'do this' });
  assert.equal(error.code, 'some-code');
  assert.match(String(error.stack), /^BridgeError: x\n {2}hint: do this\n/);
});

test('a deadline that no timer can hold does not fire at once', async () => {
  for (const deadlineMs of [Number.POSITIVE_INFINITY, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
    const { peer, session } = connect();
    const call = session.call('m:f', [], { deadlineMs });
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(peer.framesOf(FrameKind.CANCEL), []);
    peer.emit(FrameKind.RESULT, peer.framesOf(FrameKind.CALL)[0].id, 1);
    assert.equal(await call, 1);
  }
});

test('a call behind very many fails with the stack of who awaits it', async () => {
  const peer = new MemoryPeer();
  const session = new Session(peer, { traced: false });
  async function awaitsTheLast(): Promise<unknown> {
    const calls = Array.from({ length: 40 }, (_, index) => session.call('m:f', [index]));
    return await calls[39];
  }
  const outcome = awaitsTheLast();
  await settle();
  const sent = peer.framesOf(FrameKind.CALL);
  assert.equal(sent.length, 40);
  assert.equal(sent[0].sentNs, 0);
  peer.emit(FrameKind.ERROR, sent[39].id, pythonError('late'));
  const error = (await outcome.catch((reason: unknown) => reason)) as PythonError;
  assert.ok(error instanceof PythonError);
  const callers = error.frames.filter(({ language }) => language === 'typescript');
  assert.ok(
    callers.some((frame) => frame.function === 'awaitsTheLast'),
    error.stack,
  );
});
