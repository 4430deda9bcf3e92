/** The contract of calls, on both hosts, with every Python of this machine that can be embedded. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { installedPythons } from '../bridge/installedPythons';

const ROOT = join(__dirname, '..', '..');
const CONTRACT = ['calls', 'errors', 'sync', 'scripts'].map((name) =>
  join(ROOT, 'test', 'bridge', `${name}.test.ts`),
);

test('every Python keeps the contract', async (t) => {
  const pythons = (await installedPythons()).filter(({ libpython }) => libpython !== null);
  assert.ok(pythons.length > 0, 'no Python with a shared library');
  for (const { path, version } of pythons) {
    await t.test(`Python ${version}`, () => {
      const args = ['--import', 'tsx', '--expose-gc', '--test', '--test-concurrency=1', ...CONTRACT];
      // A test run inside a test run would otherwise report to the outer one.
      const { NODE_TEST_CONTEXT: _outer, ...env } = process.env;
      const ended = spawnSync(process.execPath, args, {
        cwd: ROOT,
        env: { ...env, SYMPHONY_TEST_PYTHON: path },
        encoding: 'utf8',
      });
      const failures = ended.stdout.split('\n').filter((line) => /^\s*not ok|error:/.test(line));
      assert.equal(ended.status, 0, `${failures.join('\n')}\n${ended.stderr}`);
    });
  }
});
