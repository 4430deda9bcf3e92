// Bundles every entry point: the extension, the headless runner, the webview and the in-host tests.
// `node esbuild.mjs` builds once, `--watch` keeps building; names of bundles (`webview`) build only those.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));

const node = {
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  // Addons are loaded by path at run time; `vscode` exists only inside the extension host.
  external: ['vscode', '*.node', 'mocha'],
};

const browser = { platform: 'browser', format: 'iife', target: 'chrome120' };

const tests = join('test', 'vscode');

/** Entry points by the bundle that they become. */
const entries = [
  { ...node, source: 'extension/main.ts', out: 'extension' },
  { ...node, source: 'extension/conductor/cli.ts', out: 'conductor' },
  { ...node, source: 'bench/run.ts', out: 'bench' },
  { ...browser, source: 'webview/main.ts', out: 'webview' },
  ...inHostTests().map((name) => ({
    ...node,
    source: join(tests, `${name}.ts`),
    out: `test/vscode/${name}`,
  })),
];

const wanted = argv.slice(2).filter((word) => !word.startsWith('-'));

const unknown = wanted.filter((name) => !entries.some(({ out }) => out === name));
if (unknown.length > 0) throw new Error(`no such bundle: ${unknown.join(', ')}`);

const options = entries
  .filter((entry) => wanted.length === 0 || wanted.includes(entry.out))
  .map(({ source, out, ...rest }) => ({
    ...rest,
    entryPoints: [{ in: join(root, source), out }],
    outdir: join(root, 'dist'),
    bundle: true,
    sourcemap: 'linked',
    logLevel: 'warning',
    absWorkingDir: root,
  }));

if (argv.includes('--watch')) {
  const contexts = await Promise.all(options.map((option) => esbuild.context(option)));
  await Promise.all(contexts.map((context) => context.watch()));
  console.log(`watching ${options.length} bundles`);
} else {
  await Promise.all(options.map((option) => esbuild.build(option))).catch(() => exit(1));
}

/** The files of test/vscode that run inside the extension host: its entry and every `*.test.ts`. */
function inHostTests() {
  return readdirSync(join(root, tests))
    .filter((name) => name === 'index.ts' || name.endsWith('.test.ts'))
    .map((name) => name.slice(0, -'.ts'.length));
}
