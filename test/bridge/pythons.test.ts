/** The oldest and the newest Python of this machine, on both hosts, from one binary. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOSTS } from './bothHosts';
import { Program } from './children';
import { installedPythons } from './installedPythons';

test('the oldest and the newest Python work on both hosts', async (t) => {
  const pythons = await installedPythons();
  const shared = pythons.filter(({ libpython }) => libpython !== null);
  // Without one of these a host would pass by not being tried.
  assert.ok(shared.length > 0, 'no Python with a shared library');
  for (const host of HOSTS) {
    const usable = host === 'embedded' ? shared : pythons;
    const ends = new Set([usable.at(0), usable.at(-1)].filter((facts) => facts !== undefined));
    for (const { path, version } of ends) {
      await t.test(`${host}: Python ${version}`, async () => {
        const program = new Program('test/bridge/lifeProgram.ts', [host, 'close', path]);
        const ended = await program.ended;
        assert.equal(ended.code, 0, ended.stderr);
        assert.ok(ended.stdout.startsWith(`python ${version} `), ended.stdout);
        assert.match(ended.stdout, /sum 42/);
      });
    }
  }
});
