// The native code as test/memory runs it: under AddressSanitizer, with faults planted that a good run has to notice.
// It lies in a product folder of its own: what the product loads never comes from here.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { headersFolder } from './native.mjs';
import { at } from './paths.mjs';
import { quietly } from './run.mjs';
import { filesBelow, isFresh, keep } from './stamp.mjs';

const target = 'x86_64-unknown-linux-gnu';
const targetFolder = at('native', 'target', 'memory');
const productFolder = join(targetFolder, 'product');
const inProduct = (...parts) => join(productFolder, ...parts);

const made = {
  rust: [
    inProduct('python', 'symphony_bridge', '_native.abi3.so'),
    // Beside what scripts import, as a component lies.
    inProduct('python', 'planted.abi3.so'),
  ],
  component: [inProduct('python', 'text_index.abi3.so')],
  addon: ['loader', 'symphony'].map((name) =>
    inProduct('native', 'addon', 'build', 'Release', `${name}.node`),
  ),
};

/**
 * Builds what has changed.
 * @returns {Promise<string>} the folder to give as `root` to `openBridge`; its `python` folder goes on PYTHONPATH
 */
export async function buildForMemory() {
  await buildRust();
  await buildComponent();
  await buildAddon();
  copyFileSync(at('package.json'), inProduct('package.json'));
  return productFolder;
}

/** The sanitizers' libraries as LD_PRELOAD takes them: Node itself is not linked with them. */
export function sanitizers() {
  const find = (name) => execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  return ['libasan.so', 'libubsan.so'].map(find).join(' ');
}

/** The sanitizer is an unstable option of rustc; that it fits the preloaded library of g++ is what the self-test shows. */
const checkedRust = {
  RUSTC_BOOTSTRAP: '1',
  RUSTFLAGS: '-Zsanitizer=address -Cforce-frame-pointers=yes',
};

async function buildRust() {
  const python = filesBelow([at('python', 'symphony_bridge')], (file) => file.endsWith('.py'));
  const folders = [at('native'), at('test', 'memory', 'planted')];
  const inputs = [...filesBelow(folders, (file) => /\.(rs|toml|lock|h|sql)$/.test(file)), ...python];
  if (isFresh('memory-rust', inputs, made.rust)) return;
  const args = ['build', '--locked', '--profile', 'memory', '--target', target, '--target-dir', targetFolder];
  const crates = ['symphony-python', 'symphony-planted'].flatMap((name) => ['--package', name]);
  const what = ['--manifest-path', at('native', 'Cargo.toml'), ...crates];
  const env = { ...process.env, ...checkedRust };
  await quietly('memory-cargo', 'cargo', [...args, ...what, '--features', 'symphony-python/plants'], { env });
  const folder = inProduct('python');
  rmSync(folder, { recursive: true, force: true });
  for (const file of python) copyInto(file, join(folder, file.slice(at('python').length)));
  for (const [i, name] of ['symphony_native', 'planted'].entries())
    replaceBy(join(targetFolder, target, 'memory', `lib${name}.so`), made.rust[i]);
  keep('memory-rust', inputs, made.rust);
}

/** The component of the examples, which brings the SDK with it. */
async function buildComponent() {
  const example = at('examples', 'rust-component');
  const crates = ['sdk', 'sdk-macros', 'abi'].map((name) => at('native', name));
  const inputs = filesBelow([example, ...crates], (file) => /\.(rs|toml|lock)$/.test(file));
  if (isFresh('memory-component', inputs, made.component)) return;
  // A project of its own has no profile of ours: the release build gets its settings.
  const settings = { OPT_LEVEL: '1', DEBUG_ASSERTIONS: 'true', OVERFLOW_CHECKS: 'true' };
  const profile = Object.entries(settings).map(([name, value]) => [`CARGO_PROFILE_RELEASE_${name}`, value]);
  const env = { ...process.env, ...checkedRust, ...Object.fromEntries(profile) };
  const folder = join(targetFolder, 'component');
  const args = ['build', '--locked', '--release', '--target', target, '--target-dir', folder];
  await quietly('memory-component', 'cargo', [...args, '--manifest-path', join(example, 'Cargo.toml')], {
    env,
  });
  replaceBy(join(folder, target, 'release', 'libtext_index.so'), made.component[0]);
  keep('memory-component', inputs, made.component);
}

/** A process may have the old file mapped: its name is given to the new one, never its content. */
function replaceBy(made, file) {
  copyFileSync(made, `${file}.new`);
  renameSync(`${file}.new`, file);
}

async function buildAddon() {
  const sources = filesBelow([at('native', 'addon'), at('native', 'core', 'include')], (file) =>
    /\.(cc|h|gyp)$/.test(file),
  );
  const inputs = [...sources, process.version];
  if (isFresh('memory-addon', inputs, made.addon)) return;
  for (const file of sources) copyInto(file, inProduct(file.slice(at().length)));
  const checks = '-fsanitize=address,undefined -fno-sanitize-recover=undefined';
  const env = {
    ...process.env,
    CXXFLAGS: `${checks} -O1 -g1 -fno-omit-frame-pointer -Wno-error -DSYMPHONY_MEMORY_CHECKS`,
    LDFLAGS: checks,
  };
  const gyp = at('node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const folder = inProduct('native', 'addon');
  const args = ['configure', 'build', '--directory', folder, `--nodedir=${headersFolder()}`];
  await quietly('memory-addon', process.execPath, [gyp, ...args], { env });
  keep('memory-addon', inputs, made.addon);
}

function copyInto(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}
