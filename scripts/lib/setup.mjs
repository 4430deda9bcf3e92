// Which steps a command needs. Nothing is done twice: every step knows whether its inputs changed.
import { existsSync, readFileSync } from 'node:fs';
import { withLock } from './lock.mjs';
import { addonStep, needsHeaders, rustStep } from './native.mjs';
import { at } from './paths.mjs';
import { pythonStep } from './python.mjs';
import { quietly } from './run.mjs';
import { filesBelow, isFresh, keep } from './stamp.mjs';
import { runSteps } from './steps.mjs';
import { aptInstall, requireNode, requirePlatform, requirePrograms, which } from './system.mjs';
import { packagesStep, serverStep } from './vscode.mjs';

/**
 * @typedef {object} Wanted
 * @property {boolean} [development] test and check tools for Python
 * @property {boolean} [server] the VS Code server
 * @property {boolean} [browser] Chromium, for tests
 */

/** Checks the machine and brings everything a run needs. */
export function setUp(/** @type {Wanted} */ wanted = {}) {
  requirePlatform();
  requireNode(20);
  requirePrograms(['npm', 'python3', 'cargo', 'g++', 'make']);
  return withLock('setup', async () => {
    const npm = npmStep();
    const strict = Boolean(wanted.browser);
    const packages = packagesStep({ optional: !strict });
    const wantsPackages = wanted.server || needsHeaders();
    const steps = [
      npm,
      rustStep(),
      pythonStep({ development: Boolean(wanted.development) }),
      ...(wantsPackages ? [packages] : []),
      addonStep([npm, ...(needsHeaders() ? [packages] : [])]),
      bundlesStep([npm]),
      ...(wanted.server ? [serverStep(packages, { optional: !strict })] : []),
      ...(wanted.browser ? [browserStep()] : []),
    ];
    return runSteps(steps);
  });
}

/** Brings what formatting and linting need, without building anything. */
export function setUpTools() {
  requirePrograms(['npm', 'python3', 'cargo']);
  return withLock('setup', () => runSteps([npmStep(), pythonStep({ development: true })]));
}

/** The step that installs the npm packages of the lock file. */
export function npmStep() {
  return {
    name: 'npm packages',
    fresh: hasLockedPackages,
    run: () => quietly('npm', 'npm', ['ci', '--no-audit', '--no-fund']),
  };
}

/** The step that bundles the TypeScript. */
export function bundlesStep(after) {
  const sources = () =>
    filesBelow([
      at('extension'),
      at('webview'),
      at('bench'),
      at('test', 'vscode'),
      at('esbuild.mjs'),
      at('package-lock.json'),
    ]);
  const stamp = 'bundles';
  return {
    name: 'bundles',
    after,
    fresh: () => isFresh(stamp, sources()) && existsSync(at('dist')),
    run: async () => {
      const before = sources();
      await quietly('bundles', process.execPath, [at('esbuild.mjs')]);
      keep(stamp, before);
    },
  };
}

/** The browsers that Playwright can drive here. */
export const findBrowser = () => ['chromium', 'chromium-browser', 'google-chrome'].map(which).find(Boolean);

function browserStep() {
  return {
    name: 'Chromium',
    fresh: () => Boolean(findBrowser()),
    run: () => aptInstall([{ name: 'chromium', why: 'the tests open VS Code in a browser' }]),
  };
}

/** Compares what is installed with the lock file, so that `npm install NAME` by hand needs no second install. */
function hasLockedPackages() {
  const installed = at('node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const wanted = JSON.parse(readFileSync(at('package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || present[path]?.version === version,
  );
}
