#!/usr/bin/env node
// `npm run setup`: brings everything that running and testing needs; `-- --no-tests` leaves the test tools out.
import { argv } from 'node:process';
import { main } from './lib/main.mjs';
import { setUp } from './lib/setup.mjs';

main(async () => {
  const tests = !argv.includes('--no-tests');
  await setUp({ development: tests, server: true, browser: tests });
});
