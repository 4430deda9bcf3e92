#!/usr/bin/env node
// `npm run build`: native code and bundles, only what changed. `build.mjs native` or `build.mjs ts` does one half.
import { argv } from 'node:process';
import { withLock } from './lib/lock.mjs';
import { main } from './lib/main.mjs';
import { addonStep, rustStep } from './lib/native.mjs';
import { bundlesStep, npmStep } from './lib/setup.mjs';
import { runSteps } from './lib/steps.mjs';

main(async () => {
  const [half] = argv.slice(2);
  const npm = npmStep();
  const native = [rustStep(), addonStep([npm])];
  const bundles = [bundlesStep([npm])];
  const chosen = { native, ts: bundles }[half] ?? [...native, ...bundles];
  await withLock('setup', () => runSteps([npm, ...chosen]));
});
