// The acceptance table: one row per criterion that the product has to meet. It grows with the product; a row that
// cannot be measured by a command does not belong here.
import { bench, benchAll, chaos, growth, type Row, seconds, shows, suite, tests } from './row';

const pytest = (files: string) =>
  `PYTHONPATH=python .venv/bin/python -m pytest -q -c python/pyproject.toml --rootdir . ${files}`;
const node = (files: string) => `node --import tsx --expose-gc --test --test-concurrency=1 ${files}`;
// A broken bar ends the benchmark with 1; here the figure decides.
const measure = (group: string) =>
  `file=$(mktemp); npm run -s bench -- ${group} --json "$file"; cat "$file"; rm -f "$file"`;

export const rows: Row[] = [
  {
    id: 'ffi.native',
    criterion: 'FFI performance: a Python → Rust call',
    command: measure('native'),
    limit: '≤ 10 µs (0.01 ms)',
    figure: bench('Python → Rust, no argument', 10_000, 'ns'),
  },
  {
    id: 'ffi.bridge',
    criterion: 'FFI performance: a synchronous TypeScript → Python call, no argument',
    command: measure('bridge'),
    limit: '≤ 10 µs (0.01 ms)',
    figure: bench('sync, no argument', 10_000, 'ns'),
  },
  {
    id: 'ffi.bars',
    criterion: 'Every benchmark keeps its own bar',
    command: measure(''),
    limit: 'all bars',
    figure: benchAll(),
  },
  {
    id: 'types',
    criterion: 'Type conversion: lossless round trips, both directions, unsupported types named',
    command: `${pytest('test/python/test_codec*.py')} && ${node('test/unit/codec*.test.ts test/bridge/types*.test.ts test/bridge/references.test.ts test/bridge/numpyTypes.test.ts test/bridge/converters.test.ts test/bridge/strict.test.ts')}`,
    limit: '100 % of the property, golden and hostile cases',
    figure: tests(40),
  },
  {
    id: 'async',
    criterion: 'Async: asyncio, Tokio and Promises await and cancel each other',
    command: `${pytest('test/python/test_pit_dag.py test/python/test_pit_dag_ends.py test/python/test_pit_pool.py')} && ${node('test/bridge/calls.test.ts test/bridge/streams.test.ts')}`,
    limit: 'all pass',
    figure: tests(20),
  },
  {
    id: 'async.cancellation',
    criterion: 'Cancellation from each language reaches the others, and counts when they have cleaned up',
    command: node(
      'test/bridge/cancellation.test.ts test/bridge/contexts.test.ts test/bridge/ignored.test.ts',
    ),
    limit: 'all pass',
    figure: tests(20),
  },
  {
    id: 'async.deadlocks',
    criterion: 'No deadlock: every wait that could not end is refused, and says who waits for whom',
    command: node('test/bridge/deadlocks.test.ts'),
    limit: 'all pass',
    figure: tests(10),
  },
  {
    id: 'async.queues',
    criterion: 'The queues between threads hold in every order of their steps (loom)',
    command: 'npm run -s test:full -- models',
    limit: 'all pass',
    figure: suite(),
  },
  {
    id: 'errors',
    criterion: 'Errors keep type, message, cause and stack in every language, panics and ends of scripts too',
    command: `${pytest('test/python/test_errors.py test/python/test_pit_errors.py')} && ${node('test/unit/errors.test.ts test/bridge/errors.test.ts test/bridge/panics.test.ts test/bridge/scriptErrors.test.ts test/bridge/sync.test.ts')}`,
    limit: 'all pass',
    figure: tests(15),
  },
  {
    id: 'subprocess',
    criterion: 'Subprocess: start, call, stop, crash, restart, no orphan',
    command: node(
      'test/bridge/life.test.ts test/bridge/scripts.test.ts test/bridge/health.test.ts test/bridge/runLimits.test.ts',
    ),
    limit: 'all pass',
    figure: tests(40),
  },
  {
    id: 'subprocess.chaos',
    criterion:
      'Subprocess: 300 random faults; calls end with typed errors, the next one is right, nothing leaks',
    command: 'npm run -s chaos -- --cycles 300 --seed 20',
    limit: '100 %, 0 processes, descriptors and files',
    figure: chaos(300),
  },
  {
    id: 'subprocess.orphans',
    criterion:
      'Subprocess: no orphan and no zombie, however the editor ends and whatever the child does then',
    command: node('test/bridge/orphans.test.ts test/bridge/tearDown.test.ts'),
    limit: 'all pass',
    figure: tests(38),
  },
  {
    id: 'pit.locality',
    criterion:
      'The Pit is local: no byte on the socket, no system call where there is no disk; the home is shared',
    command: `${pytest('test/python/test_pit_locality.py')} && ${node('test/bridge/pitLocality.test.ts')}`,
    limit: 'all pass',
    figure: tests(16),
  },
  {
    id: 'pit',
    criterion:
      'Direct Pit access: the operations of all five components by function calls, under plain python',
    command: pytest(
      'test/python/test_pit_*.py test/python/test_operations.py test/python/test_plain_python.py',
    ),
    limit: 'all pass',
    figure: tests(25),
  },
  {
    id: 'memory',
    criterion: 'Memory safety: the tour leaves no handle behind',
    command: 'node dist/conductor.js examples/tour.conductor.py',
    limit: 'exit 0, no errors, no leaks',
    figure: shows(/exit code 0/, /errors\s+0/, /leaks\s+none/),
  },
  {
    id: 'memory.ends',
    criterion:
      'Processes and Workers that end in the middle of everything leave nothing; handles tell their line, cycles are named',
    command: node('test/bridge/tearDown.test.ts test/bridge/cycles.test.ts test/bridge/origins.test.ts'),
    limit: 'all pass',
    figure: tests(10),
  },
  {
    id: 'memory.checks',
    criterion:
      'Memory safety: addon, Rust and codec under the sanitizers, which find each planted fault and nothing else',
    // Four minutes, and three more when the native code has to be built for it.
    command: 'npm run -s test:full -- memory',
    limit: 'all pass',
    figure: suite(),
  },
  {
    id: 'memory.soak',
    criterion: 'Memory safety: 100,000 mixed calls on each host leave no handle, and memory on its plateau',
    command: node('test/full/soak.test.ts'),
    limit: 'all pass, < 2048 KiB of growth per host',
    figure: growth(2, 2048),
  },
  {
    id: 'rust',
    criterion: 'Components in Rust from outside: called, awaited, cancelled, calling back; records cross',
    command: `npm run -s test -- sdk && ${node('test/bridge/component.test.ts')}`,
    limit: 'all pass',
    figure: suite(),
  },
  {
    id: 'extension.host',
    criterion: 'A VS Code extension: its tests run inside a real extension host',
    command: 'node --import tsx test/vscode/runTest.ts',
    limit: 'all pass',
    figure: tests(20),
  },
  {
    id: 'packages',
    criterion:
      'Packages: vscode, @vscode/test-electron, node-addon-api, typescript, esbuild, webview-ui-toolkit',
    command:
      'npm ls --depth 0 @types/vscode @vscode/test-electron node-addon-api typescript esbuild @vscode/webview-ui-toolkit',
    limit: 'all six',
    figure: shows(
      /@types\/vscode@/,
      /@vscode\/test-electron@/,
      /node-addon-api@/,
      /typescript@/,
      /esbuild@/,
      /@vscode\/webview-ui-toolkit@/,
    ),
  },
  {
    id: 'layout',
    criterion: 'Top level: package.json, extension, native, webview, python, test, .vscode, esbuild.mjs',
    command: 'ls -d package.json extension native webview python test .vscode esbuild.mjs',
    limit: 'all eight',
    figure: shows(
      ...['package.json', 'extension', 'native', 'webview', 'python', 'test', '.vscode', 'esbuild.mjs'].map(
        line,
      ),
    ),
  },
  {
    id: 'panel',
    criterion: 'The panel shows calls of three languages, an error and a leak; clicks land in the source',
    command: node('test/e2e/trace.test.ts'),
    limit: 'all pass, in a real browser',
    figure: tests(1),
  },
  {
    id: 'debugger',
    criterion: 'Used by: command palette, trace panel (above), debug adapter',
    command: `${node('test/bridge/debugAdapter.test.ts')} && ${node('test/e2e/debug.test.ts')}`,
    limit: 'all pass',
    figure: tests(10),
  },
  {
    id: 'start.again',
    criterion: 'npm start -- --headless again: nothing is rebuilt that did not change',
    command: 'time npm start -- --headless',
    limit: '≤ 10 s',
    figure: seconds(10),
  },
  {
    id: 'start.workbench',
    criterion: 'npm start serves the workbench at a local address; Ctrl+C leaves nothing behind',
    command: node('test/e2e/start.test.ts'),
    limit: 'all pass, in a real browser',
    figure: tests(1),
  },
];

function line(name: string): RegExp {
  return new RegExp(`^${name.replaceAll('.', '[.]')}$`, 'm');
}
