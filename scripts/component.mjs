#!/usr/bin/env node
// `npm run component -- FOLDER [OUT]`: builds a component in Rust and puts its module where scripts find it: into its own folder.
import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { argv } from 'node:process';
import { main } from './lib/main.mjs';
import { live, outputOf, StepError } from './lib/run.mjs';
import { requirePrograms } from './lib/system.mjs';

main(async () => {
  requirePrograms(['cargo']);
  const from = process.env.INIT_CWD ?? process.cwd();
  const [folder, out = folder] = argv.slice(2).map((path) => resolve(from, path));
  if (!folder) throw new StepError('Which component? npm run component -- FOLDER [OUT]');
  const manifest = ['--manifest-path', join(folder, 'Cargo.toml')];
  if ((await live('cargo', ['build', '--release', ...manifest])) !== 0) return 1;

  const text = await outputOf('cargo', ['metadata', '--no-deps', '--format-version', '1', ...manifest]);
  const { packages, target_directory: target } = JSON.parse(text);
  const library = packages[0].targets.find(({ kind }) => kind.includes('cdylib'));
  if (!library) throw new StepError(`${folder} makes no module: its [lib] needs crate-type = ["cdylib"].`);
  const name = library.name.replaceAll('-', '_');
  const module = join(out, `${name}.abi3.so`);
  // A process may have the old file mapped: replace the name, never the content.
  mkdirSync(out, { recursive: true });
  copyFileSync(join(target, 'release', `lib${name}.so`), `${module}.new`);
  renameSync(`${module}.new`, module);
  console.log(module);
});
