#!/usr/bin/env node
// `npm run conductor -- SCRIPT [--host embedded|subprocess] [--trace FILE]`: brings what is missing, then runs the script.
import { argv, execPath } from 'node:process';
import { main } from './lib/main.mjs';
import { at } from './lib/paths.mjs';
import { live } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

main(async () => {
  await setUp();
  // npm runs scripts in the package's folder; relative paths are meant from where the user typed the command.
  return live(execPath, [at('dist', 'conductor.js'), ...argv.slice(2)], {
    cwd: process.env.INIT_CWD ?? at(),
  });
});
