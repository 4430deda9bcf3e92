/** Random faults of child and connection: `npm run chaos` in its short form, or with `SYMPHONY_FULL` in its full one. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ChaosReport } from '../chaos/report';
import { scratchFolder } from './bothHosts';
import { Program } from './children';

const CYCLES = process.env.SYMPHONY_FULL ? 300 : 30;
const PATIENCE_MS = CYCLES * 10_000;
/** The same faults in the same order at every run. */
const SEED = 20;

test(`${CYCLES} random faults: typed errors, a right answer afterwards, and nothing is left`, async (t) => {
  const json = join(scratchFolder(), 'report.json');
  const args = ['--cycles', String(CYCLES), '--seed', String(SEED), '--json', json];
  const program = new Program('test/chaos/run.ts', args, {}, undefined, PATIENCE_MS);
  const { code, stdout, stderr } = await program.ended;
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  const report = JSON.parse(readFileSync(json, 'utf8')) as ChaosReport;
  assert.deepEqual([report.cycles, report.successRate], [CYCLES, 100]);
  t.diagnostic(
    `chaos: ${report.succeeded} of ${report.cycles} cycles, slowest recovery ${report.slowestRecoveryMs} ms`,
  );
});
