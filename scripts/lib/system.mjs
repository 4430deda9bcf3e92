// What the machine has to bring: programs, and Debian packages where this user may install them.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { quietly, StepError } from './run.mjs';

/** The full path of a program on PATH, or undefined. */
export function which(program) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

const howToGet = {
  cargo: 'Rust (https://rustup.rs, or a distribution package of Rust 1.83 or newer)',
  'g++': 'a C++20 compiler: apt-get install g++',
  make: 'make: apt-get install make',
  python3: 'Python 3.11 or newer: apt-get install python3 python3-venv libpython3.11',
  npm: 'npm, which comes with Node.js 20 or newer',
};

/** @throws StepError that names every missing program and what brings it. */
export function requirePrograms(programs) {
  const missing = programs.filter((program) => !which(program));
  if (missing.length === 0) return;
  const lines = missing.map((program) => `  ${program} is missing; install ${howToGet[program]}`);
  throw new StepError(['This machine lacks what the build needs:', ...lines].join('\n'));
}

export function requireNode(major) {
  if (Number(process.versions.node.split('.')[0]) >= major) return;
  throw new StepError(`Node.js ${major} or newer is needed; this is ${process.version}.`);
}

/** Linux x64 is what is built and tested; elsewhere say so instead of half working. */
export function requirePlatform() {
  if (process.platform === 'linux' && process.arch === 'x64') return;
  throw new StepError(`Linux x64 is supported; this is ${process.platform} ${process.arch}.`);
}

/** Who may install Debian packages here: root on a machine with apt. */
export const mayInstall = () => process.getuid?.() === 0 && which('apt-get') !== undefined;

/**
 * Installs Debian packages, saying what and why.
 * @param {{name: string, why: string}[]} packages
 * @throws StepError with the command for the user when this is not root
 */
export function aptInstall(packages) {
  const turn = apt.then(() => installPackages(packages));
  apt = turn.catch(() => {});
  return turn;
}

/** One apt at a time: steps run side by side, apt's lock does not wait by itself. */
let apt = Promise.resolve();

async function installPackages(packages) {
  const names = packages.map(({ name }) => name);
  const command = `apt-get install -y -o DPkg::Lock::Timeout=120 --no-install-recommends ${names.join(' ')}`;
  if (!mayInstall()) {
    const reasons = packages.map(({ name, why }) => `  ${name}: ${why}`).join('\n');
    throw new StepError(
      `not installed (this is not root):\n${reasons}\n  To get it: sudo apt-get install ${names.join(' ')}`,
    );
  }
  for (const { name, why } of packages) console.log(`  apt: ${name}, ${why}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const [program, ...args] = command.split(' ');
  try {
    await quietly('apt', program, args, { env });
  } catch {
    // The package lists may be absent or old: a second try with fresh ones tells.
    await quietly('apt', 'apt-get', ['update'], { env });
    await quietly('apt', program, args, { env });
  }
}
