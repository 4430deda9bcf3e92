// TypeScript tests as files that Node runs by itself: every file is a process of its own, and one that first has to
// translate the product spends more time on that than on many a test.
import { readFileSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
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

/** Tests find their fixtures, and the scripts that they share with the set-up the project, from where the source lies. */
const keepsPlaces = {
  name: 'keeps-places',
  setup(/** @type {import('esbuild').PluginBuild} */ { onLoad }) {
    onLoad({ filter: /[/\\](test[/\\].*\.ts|scripts[/\\].*\.mjs)$/ }, ({ path }) => {
      const places = {
        __dirname: dirname(path),
        __filename: path,
        'import.meta.url': pathToFileURL(path).href,
      };
      const contents = readFileSync(path, 'utf8').replace(
        /\b(?:__dirname|__filename|import\.meta\.url)\b/g,
        (name) => JSON.stringify(places[name]),
      );
      return { loader: path.endsWith('.ts') ? 'ts' : 'js', contents };
    });
  },
};
