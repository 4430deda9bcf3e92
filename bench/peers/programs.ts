/**
 * The same work through other bridges, each in a process of its own: each embeds its own Python, or starts one. Times
 * are in nanoseconds, by the keys of `Times`; what a bridge cannot do is left out.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { openBridge } from '../../extension/conductor/openBridge';
import { BARRED_MS, best, bestAsync, pipelined } from '../measure';
import { ROUND_TRIPS } from '../payloads';
import { python, root, scripts } from '../python';
import { withTraceFile } from '../traceFolder';

/** What is measured: one call, or the round trip of a payload by its name. */
export type Times = { sync?: number; async?: number; pipelined?: number } & Record<
  string,
  number | undefined
>;

/** Runs in a process of its own; see `../peers.ts`. */
export const programs: Record<string, () => Promise<Times>> = {
  pymport: async () => {
    const { pymport, PyObject } = load('pymport') as Pymport;
    pymport('sys').get('path').get('append').call(scripts);
    const target = pymport('bench_target');
    const nothing = target.get('nothing');
    const echo = target.get('echo');
    return {
      sync: best(() => nothing.call(), BARRED_MS),
      async: await bestAsync(() => nothing.callAsync(), BARRED_MS),
      ...roundTrips((value) => echo.call(PyObject.fromJS(value)).toJS()),
    };
  },

  'node-calls-python': async () => {
    const { interpreter } = load('node-calls-python') as NodeCallsPython;
    const target = interpreter.importSync(join(scripts, 'bench_target.py'));
    return {
      sync: best(() => interpreter.callSync(target, 'nothing'), BARRED_MS),
      async: await bestAsync(() => interpreter.call(target, 'nothing'), BARRED_MS),
      pipelined: await pipelined(() => interpreter.call(target, 'nothing')),
      ...roundTrips((value) => interpreter.callSync(target, 'echo', value)),
    };
  },

  pythonia: async () => {
    process.env.PYTHON_BIN = python;
    const library = load('pythonia') as Pythonia;
    const target = await library.python(join(scripts, 'bench_target.py'));
    try {
      return { async: await bestAsync(() => target.nothing(), BARRED_MS) };
    } finally {
      library.python.exit();
    }
  },

  /** No peer: this bridge with a trace file open, which is the process's for good. */
  traced: () =>
    withTraceFile(async (traceFile) => {
      const bridge = await openBridge({ host: 'embedded', python, root, traceFile });
      try {
        await bridge.call('sys:path.append', [scripts]);
        const held = await bridge.callRef('bench_target:function', ['nothing']);
        return {
          sync: best(bridge.sync(held), BARRED_MS),
          async: await bestAsync(() => held(), BARRED_MS),
          pipelined: await pipelined(() => held()),
        };
      } finally {
        await bridge.close();
      }
    }),
};

/** Whether a peer is there; ours always is. */
export function isInstalled(name: string): boolean {
  if (name === 'traced') return true;
  try {
    peerRequire().resolve(name);
    return true;
  } catch {
    return false;
  }
}

function roundTrips(echo: (value: unknown) => unknown): Record<string, number> {
  return Object.fromEntries(
    Object.entries(ROUND_TRIPS).map(([name, value]) => [name, best(() => echo(value), BARRED_MS)]),
  );
}

function load(name: string): unknown {
  return peerRequire()(name);
}

/** Peers are no dependencies of the product: they are looked for in their own folder, at run time. */
function peerRequire(): NodeJS.Require {
  return createRequire(join(root, 'bench', 'peers', 'package.json'));
}

interface PymportObject {
  get(name: string): PymportObject;
  call(...args: unknown[]): PymportObject;
  callAsync(...args: unknown[]): Promise<PymportObject>;
  toJS(): unknown;
}

interface Pymport {
  pymport(name: string): PymportObject;
  PyObject: { fromJS(value: unknown): PymportObject };
}

interface NodeCallsPython {
  interpreter: {
    importSync(path: string): object;
    callSync(module: object, name: string, ...args: unknown[]): unknown;
    call(module: object, name: string, ...args: unknown[]): Promise<unknown>;
  };
}

interface Pythonia {
  python: { (path: string): Promise<{ nothing(): Promise<unknown> }>; exit(): void };
}
