// The project's own Python environment: finds the best interpreter, makes `.venv`, installs the pinned packages.
import { existsSync, rmSync } from 'node:fs';
import { at, venv, venvPython } from './paths.mjs';
import { outputOf, quietly, StepError } from './run.mjs';
import { forget, isFresh, keep } from './stamp.mjs';
import { aptInstall, mayInstall, requirePrograms, which } from './system.mjs';

// Prints what decides: version, whether a shared libpython is really there, whether venv can bring pip.
const probe = `
import importlib.util, json, os, sys, sysconfig
var = sysconfig.get_config_var
folders = [var("LIBDIR") or "", os.path.join(var("LIBDIR") or "", var("MULTIARCH") or ""), var("LIBPL") or ""]
name = var("INSTSONAME") or ""
shared = bool(var("Py_ENABLE_SHARED")) and any(os.path.exists(os.path.join(f, name)) for f in folders)
print(json.dumps({"executable": sys.executable, "version": list(sys.version_info[:3]), "shared": shared,
    "pip": importlib.util.find_spec("ensurepip") is not None, "debian": sys.executable.startswith("/usr/bin/")}))
`;

const newest = [3, 13];

/**
 * The interpreters of this machine, best first: a shared libpython counts most, then 3.11 to 3.13, then PATH order.
 * @returns {Promise<{executable: string, version: number[], shared: boolean, pip: boolean, debian: boolean}[]>}
 */
export async function findPythons() {
  const names = ['python3', '/usr/bin/python3', ...[13, 12, 11, 10, 9, 8].map((minor) => `python3.${minor}`)];
  const programs = [process.env.SYMPHONY_PYTHON, ...names].filter(
    (name) => name && (name.includes('/') ? existsSync(name) : which(name)),
  );
  const found = [];
  for (const program of new Set(programs)) {
    const text = await outputOf(program, ['-I', '-c', probe]);
    if (!text) continue;
    const python = { ...JSON.parse(text), program };
    const isOld = python.version[0] !== 3 || python.version[1] < 8;
    if (!isOld && !found.some(({ executable }) => executable === python.executable)) found.push(python);
  }
  return found.sort((a, b) => rank(b) - rank(a));
}

/** The step that makes `.venv` with what running needs, or with what developing needs. */
export function pythonStep({ development }) {
  const wanted = development ? at('python', 'requirements-dev.txt') : at('python', 'requirements.txt');
  const inputs = [at('python', 'requirements.txt'), ...(development ? [wanted] : [])];
  const stamp = development ? 'python-dev' : 'python';
  return {
    name: development ? 'Python environment and test tools' : 'Python environment',
    fresh: () => isFresh(stamp, inputs, [venvPython]),
    run: async () => {
      const note = await makeEnvironment();
      const args = ['-m', 'pip', 'install', '--quiet', '--requirement', wanted];
      await quietly('pip', venvPython, args);
      keep(stamp, inputs, [venvPython]);
      return note;
    },
  };
}

/** What to tell when this Python cannot be embedded; undefined when it can. */
export async function embeddingHint() {
  const text = await outputOf(venvPython, ['-I', '-c', probe]);
  const python = text && JSON.parse(text);
  if (!python || python.shared) return undefined;
  const minor = `libpython${python.version.slice(0, 2).join('.')}`;
  return `No shared ${minor} was found: scripts run in the subprocess host. To embed: apt-get install ${minor}`;
}

async function makeEnvironment() {
  if (await outputOf(venvPython, ['-m', 'pip', '--version'])) return undefined;
  const [python] = await findPythons();
  if (!python) {
    requirePrograms(['python3']);
    throw new StepError('No working Python 3.8 or newer was found; set SYMPHONY_PYTHON to one.');
  }
  await bringWhatIsMissing(python);
  rmSync(venv, { recursive: true, force: true });
  forget('python');
  forget('python-dev');
  await quietly('venv', python.program, ['-m', 'venv', venv]);
  return `Python ${python.version.join('.')} in .venv`;
}

/** Debian splits venv and the shared library off its Python. */
async function bringWhatIsMissing(python) {
  const minor = python.version.slice(0, 2).join('.');
  const packages = [];
  if (!python.pip) packages.push({ name: `python${minor}-venv`, why: 'to make a Python environment' });
  if (!python.shared && python.debian) packages.push({ name: `libpython${minor}`, why: 'to embed Python' });
  // Without a shared library the subprocess host does the work, so only venv is worth an error.
  if (packages.length > 0 && (mayInstall() || !python.pip)) await aptInstall(packages);
}

function rank({ version, shared, pip, debian }) {
  const minor = version[1];
  const isModern = minor >= 11 && minor <= newest[1];
  const canBeCompleted = debian && mayInstall();
  return (shared || canBeCompleted ? 4 : 0) + (isModern ? 2 : 0) + (pip || canBeCompleted ? 1 : 0);
}
