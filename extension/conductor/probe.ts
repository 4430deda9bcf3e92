/**
 * Purpose: asks an interpreter what it is, by running it.
 * Threads: JavaScript main thread; the interpreter runs in a child with a deadline.
 * Must not know: hosts, where the path came from.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { BridgeError } from '../bridge/errors';

/** What a usable interpreter says of itself. */
export interface InterpreterFacts {
  /** The path that was probed, links not followed: a venv is known by its own path. */
  path: string;
  /** For instance `3.11.7`. */
  version: string;
  executable: string;
  prefix: string;
  /** The shared library; null when this Python has none, so that it cannot be embedded. */
  libpython: string | null;
}

/** Whether two paths lead to one Python, as `python` and `python3` of an environment do. */
export function isSamePython(a: InterpreterFacts, b: InterpreterFacts): boolean {
  return a.prefix === b.prefix && a.libpython === b.libpython;
}

/** Oldest Python the bridge supports. */
export const OLDEST_PYTHON: readonly [number, number] = [3, 8];

/** A cold start from a network file system may take seconds. */
const PROBE_TIMEOUT_MS = 15_000;
const MARK = 'symphony-probe:';

/**
 * Runs `path` and returns its facts.
 * @throws BridgeError `interpreter-invalid` that says what is wrong, where, and what to do
 */
export async function probeInterpreter(
  path: string,
  timeoutMs = PROBE_TIMEOUT_MS,
): Promise<InterpreterFacts> {
  await checkFile(path);
  const { output, failure } = await run(path, timeoutMs);
  const line = output.split('\n').find((text) => text.startsWith(MARK));
  if (line === undefined) throw notPython(path, failure);
  const answer = JSON.parse(line.slice(MARK.length)) as ProbeAnswer;
  const [major, minor] = answer.version;
  const version = answer.version.join('.');
  const [oldestMajor, oldestMinor] = OLDEST_PYTHON;
  if (major !== oldestMajor || minor < oldestMinor) {
    throw invalid(
      `${path} is Python ${version}; the bridge needs ${OLDEST_PYTHON.join('.')} or newer`,
      CHOOSE,
    );
  }
  if (answer.implementation !== 'cpython') {
    throw invalid(`${path} is ${answer.implementation}, not CPython`, CHOOSE);
  }
  if (answer.free_threaded) {
    throw invalid(
      `${path} is a free-threaded build of Python ${version}, which cannot load the bridge`,
      'Choose the ordinary build of the same version.',
    );
  }
  return {
    path,
    version,
    executable: answer.executable,
    prefix: answer.prefix,
    libpython: answer.libpython,
  };
}

interface ProbeAnswer {
  version: [number, number, number];
  implementation: string;
  executable: string;
  prefix: string;
  libpython: string | null;
  free_threaded: boolean;
}

const CHOOSE = 'Choose another interpreter with "Select Python Interpreter", the setting or --python.';

/**
 * The first line ends a shell at once: a path that is no Python must not run this as commands.
 * No syntax newer than Python 3.0, so that an old one can say how old it is.
 */
const SCRIPT = `"exit" if 1 else 0
import json, os, platform, sys, sysconfig
get = sysconfig.get_config_var
major, minor = sys.version_info[:2]
flags = getattr(sys, "abiflags", "")
names = [get("INSTSONAME"), get("LDLIBRARY")]
names += ["libpython%d.%d%s.so.1.0" % (major, minor, flags), "libpython%d.%d%s.so" % (major, minor, flags)]
folders = [get("LIBDIR"), os.path.join(get("LIBDIR") or "", get("MULTIARCH") or ""), get("LIBPL")]
folders += [os.path.join(getattr(sys, "base_prefix", sys.prefix), "lib")]
found = None
for name in names:
    for folder in folders:
        path = os.path.join(folder or "", name or "")
        if found is None and name and ".so" in name and os.path.isabs(path) and os.path.isfile(path):
            found = path
print()
print("${MARK}" + json.dumps({
    "version": list(sys.version_info[:3]),
    "implementation": platform.python_implementation().lower(),
    "executable": sys.executable,
    "prefix": sys.prefix,
    "libpython": found,
    "free_threaded": bool(get("Py_GIL_DISABLED")),
}))
`;

async function checkFile(path: string): Promise<void> {
  const info = await stat(path).catch(() => null);
  if (!info) throw invalid(`there is no interpreter at ${path}`, `Check the path. ${CHOOSE}`);
  if (info.isDirectory()) {
    throw invalid(
      `${path} is a folder, not an interpreter`,
      `Give the file inside it, for instance ${path}/bin/python.`,
    );
  }
  const executable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!executable) throw invalid(`${path} is not executable`, `Check the path, or run: chmod +x ${path}`);
}

interface ProbeRun {
  output: string;
  /** Empty when the process ended well. */
  failure: string;
}

function run(path: string, timeoutMs: number): Promise<ProbeRun> {
  return new Promise((resolve) => {
    const options = {
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: 1 << 20,
      encoding: 'utf8',
      env: { ...process.env, PYTHONUTF8: '1', PYTHONDONTWRITEBYTECODE: '1' },
    } as const;
    const child = execFile(path, ['-c', SCRIPT], options, (error, stdout, stderr) => {
      resolve({ output: stdout, failure: error ? describeFailure(error, stderr, timeoutMs) : '' });
    });
    // A program that reads its input, such as a shell, must not wait for one.
    child.stdin?.on('error', () => {});
    child.stdin?.end();
  });
}

function describeFailure(error: Error & { killed?: boolean }, stderr: string, timeoutMs: number): string {
  if (error.killed) return `it gave no answer within ${timeoutMs / 1000} s`;
  const lines = stderr.trim().split('\n');
  return lines[lines.length - 1] || error.message.split('\n')[0];
}

function notPython(path: string, failure: string): BridgeError {
  const why = failure ? `: ${failure}` : '';
  return invalid(`${path} is not a working Python interpreter${why}`, CHOOSE);
}

function invalid(message: string, hint: string): BridgeError {
  return new BridgeError(message, { code: 'interpreter-invalid', hint });
}
