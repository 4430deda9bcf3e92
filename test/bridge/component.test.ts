/** The component of `examples/rust-component`, built as its README says: script, trace, errors, cancellation. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { CallCancelled, ComponentError, PitError, PythonError } from '../../extension/bridge/errors';
import { readTraceFile } from '../../extension/conductor/traceFile';
import { spanAt, spanCount, type TraceModel, type TraceSpan } from '../../extension/protocol/trace/model';
import { HOSTS, onBothHosts, rejection, scratchFolder } from './bothHosts';
import { Program } from './children';
import { buildExample, EXAMPLE } from './exampleComponent';

const SOURCE = join(EXAMPLE, 'src', 'lib.rs');
const folder = scratchFolder();
const script = join(folder, 'component.conductor.py');

/** What TypeScript calls: awaitables need a coroutine around them. */
const USER = `
import asyncio
import contextvars
from pathlib import Path
from symphony_bridge import host
from text_index import Index, Query

variable = contextvars.ContextVar("variable", default="unset")

async def index(folder):
    return await Index().add(folder, None)

async def variables(folder, value, read):
    variable.set(value)
    seen = []

    def progress(done, total):
        seen.append(["progress", variable.get(), read()])
        variable.set("left behind")

    async def judge(hit):
        seen.append(["judge", variable.get(), await read.call_async()])
        variable.set("left behind")
        return 0.0

    words = Index()
    await words.add(folder, progress)
    await words.best(Query.Word("variable"), judge)
    return [*seen, ["caller", variable.get(), await read.call_async()]]

async def names(folder):
    asked = set()

    def progress(done, total):
        asked.add(host.desk.name())

    async def judge(hit):
        asked.add(await host.desk.name_async())
        return 0.0

    words = Index()
    await words.add(folder, progress)
    await words.best(Query.Word("asked"), judge)
    return sorted(asked)

async def wait():
    async def forever(done, total):
        await host.desk.started_async(done)
        await asyncio.sleep(600)

    await Index().add(Path(asyncio.__file__).parent, forever)
`;

before(() => {
  buildExample(folder);
  copyFileSync(join(EXAMPLE, 'component.conductor.py'), script);
  writeFileSync(join(folder, 'component_user.py'), USER);
  assert.ok(existsSync(join(folder, 'text_index.abi3.so')));
});

function spansNamed(model: TraceModel, name: string): TraceSpan[] {
  const spans = Array.from({ length: spanCount(model) }, (_, row) => spanAt(model, row));
  return spans.filter((span) => span.name === name);
}

for (const host of HOSTS) {
  test(`${host}: a script uses the component, and the trace shows it`, async () => {
    const trace = join(folder, `${host}.symtrace`);
    const args = [script, '--host', host, '--trace', trace];
    const ended = await new Program('extension/conductor/cli.ts', args, {}, folder).ended;
    assert.equal(ended.code, 0, ended.stderr + ended.stdout);
    assert.match(ended.stdout, /^1 of \d+ files$/m);
    assert.match(
      ended.stdout,
      /^\d+ lines of \d+ files raise where they catch; the shortest:\n {2}\S+\.py:\d+ /m,
    );
    assert.match(ended.stdout, /^the judge likes \S+\.py:\d+ .*NotImplementedError/m);
    assert.match(ended.stdout, /^text_index\.add: the folder cannot be read .*'folder': .*nowhere/m);

    const model = readTraceFile(trace);
    const [add, failed] = spansNamed(model, 'text_index.add');
    assert.equal(add.lang, 'rust');
    assert.equal(add.from, 'python');
    assert.equal(add.caller?.file, script);
    assert.equal(add.callee?.file, SOURCE);
    assert.match(failed.error ?? '', /cannot be read/);
    const [progress] = spansNamed(model, 'show_progress');
    assert.deepEqual([progress.lang, progress.from, progress.parent], ['python', 'rust', add.row]);
    assert.equal(progress.caller?.file, SOURCE);
    assert.equal(progress.callee?.file, script);
    const [best] = spansNamed(model, 'text_index.best');
    assert.ok(spansNamed(model, 'judge').every((span) => span.parent === best.row));
    const [search] = spansNamed(model, 'text_index.search');
    assert.equal(
      spansNamed(model, 'text_index.look up').find((span) => span.parent !== null)?.parent,
      search.row,
    );
  });
}

onBothHosts('an error of a component is one error with operation, fields, cause and line', async (bridge) => {
  await bridge.call('sys:path.insert', [0, folder]);
  const error = await rejection(bridge.call('component_user:index', ['/nowhere']));
  assert.ok(error instanceof ComponentError && !(error instanceof PitError), error.stack);
  assert.deepEqual([error.component, error.operation], ['text_index', 'add']);
  assert.equal(error.message, 'the folder cannot be read');
  assert.deepEqual(Object.entries(error.details ?? {}), [['folder', "PosixPath('/nowhere')"]]);
  const { cause } = error;
  assert.ok(cause instanceof ComponentError, String(cause));
  assert.match(cause.message, /No such file/);
  assert.ok(cause.cause instanceof PythonError, String(cause.cause));
  assert.equal(cause.cause.type, 'FileNotFoundError');
  const lines = readFileSync(SOURCE, 'utf8').split('\n');
  const line = lines.findIndex((text) => text.includes('"the folder cannot be read"')) + 1;
  const frame = error.frames.at(-1);
  assert.deepEqual(
    [frame?.language, frame?.function, frame?.file, frame?.line],
    ['rust', 'text_index::add', SOURCE, line],
  );
});

onBothHosts('what a component calls has the context of who called it, in both languages', async (bridge) => {
  await bridge.call('sys:path.insert', [0, folder]);
  const storage = new AsyncLocalStorage<string>();
  const values = ['a', 'b'];
  const call = (value: string) =>
    bridge.call('component_user:variables', [folder, value, () => storage.getStore() ?? 'none']);
  const seen = await Promise.all(values.map((value) => storage.run(`store ${value}`, () => call(value))));
  values.forEach((value, index) => {
    const told = new Set((seen[index] as string[][]).map((line) => line.join(' ')));
    const places = ['progress', 'judge', 'caller'];
    assert.deepEqual(told, new Set(places.map((place) => `${place} ${value} store ${value}`)));
  });
});

test('regression: a component that a Worker’s coroutine awaits calls for the Worker', async () => {
  const ended = await new Program('test/bridge/workersProgram.ts', ['component', folder]).ended;
  assert.match(ended.stdout, /OUTCOME \["a 0","main"\] END/, ended.stderr + ended.stdout);
});

onBothHosts('aborting a call stops the component', async (bridge) => {
  await bridge.call('sys:path.insert', [0, folder]);
  const controller = new AbortController();
  const started = new Promise((resolve) => bridge.expose('desk', { started: resolve }));
  const waiting = bridge.call('component_user:wait', [], { signal: controller.signal });
  waiting.catch(() => {});
  await Promise.race([started, waiting]);
  controller.abort();
  assert.ok((await rejection(waiting)) instanceof CallCancelled);
});
