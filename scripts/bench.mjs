#!/usr/bin/env node
// `npm run bench -- [GROUP…] [--json FILE]`: brings what is missing, then measures.
import { argv, execPath } from 'node:process';
import { main } from './lib/main.mjs';
import { at } from './lib/paths.mjs';
import { live } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

main(async () => {
  await setUp();
  return live(execPath, ['--expose-gc', at('dist', 'bench.js'), ...argv.slice(2)], { cwd: at() });
});
