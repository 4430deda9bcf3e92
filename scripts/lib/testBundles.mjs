// TypeScript tests as files that Node runs by itself: every file is a process of its own, and one that first has to
// translate the product spends more time on that than on many a test.
import { readFileSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { at, root } from './paths.mjs';

/** Options of Node for the files that `bundleTests` makes. */
export const nodeOptions = ['--enable-source-maps', '--expose-gc'];

/** Bundles test files, each by itself. @returns {Promise<string[]>} the files to run, in the same order */
export async function bundleTests(/** @type {string} */ suite, /** @type {string[]} */ files) {
  // The set-up may just have installed it.
  const { build } = await import('esbuild');
  const outdir = at('dist', 'test', 'suites', suite);
  rmSync(outdir, { recursive: true, force: true });
  await build({
    entryPoints: files,
    outdir,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    external: ['*.node'],
    outExtension: { '.js': '.cjs' },
    sourcemap: 'linked',
    absWorkingDir: root,
    logLevel: 'warning',
    plugins: [keepsPlaces],
  });
  return files.map((file) => at('dist', 'test', 'suites', suite, `${basename(file, '.ts')}.cjs`));
}

/** Tests find their fixtures from where their source lies. */
const keepsPlaces = {
  name: 'keeps-places',
  setup(/** @type {import('esbuild').PluginBuild} */ { onLoad }) {
    onLoad({ filter: /[/\\]test[/\\].*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const places = { __dirname: dirname(path), __filename: path };
      const contents = source.replace(/\b__(?:dirname|filename)\b/g, (name) => JSON.stringify(places[name]));
      return { loader: 'ts', contents };
    });
  },
};
