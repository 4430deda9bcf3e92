// The Pythons of this machine that can run inside Node, for the tests that run with each of them.
import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { at, root, venvPython } from './paths.mjs';

/**
 * One Python of each version that can be embedded, oldest first, without the version of the default one.
 * @returns {Promise<{path: string, version: string}[]>} `version` is the minor one, such as `3.9`
 */
export async function otherPythons() {
  const code = 'import sys; print("%d.%d" % sys.version_info[:2])';
  const usual = execFileSync(venvPython, ['-c', code], { encoding: 'utf8' }).trim();
  const { installedPythons } = await product('test/bridge/installedPythons.ts');
  const found = new Map();
  for (const { path, version, libpython } of await installedPythons()) {
    const minor = version.split('.').slice(0, 2).join('.');
    if (libpython !== null && minor !== usual) found.set(minor, { path, version: minor });
  }
  return [...found.values()];
}

/** A TypeScript module, as the product itself uses it. */
async function product(/** @type {string} */ source) {
  // The set-up may just have installed it.
  const { build } = await import('esbuild');
  const outfile = at('dist', 'test', source.replace(/^.*\/|[.]ts$/g, '').concat('.cjs'));
  await build({
    entryPoints: [at(source)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    absWorkingDir: root,
  });
  return import(pathToFileURL(outfile).href);
}
