/**
 * `npm run bench -- [GROUP…] [--json FILE]`: measures, prints a table, and fails when a promise is broken.
 * Plain Node, one group after the other: two at a time would measure each other.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { argv, env, exit } from 'node:process';
import { parseArgs } from 'node:util';
import { bridge } from './groups/bridge';
import { codec } from './groups/codec';
import { hosts } from './groups/hosts';
import { native } from './groups/native';
import { sync } from './groups/sync';
import { measurePeer, PEER_OPTION } from './peers';
import type { Result } from './result';
import { table } from './table';

const GROUPS: Record<string, () => Promise<Result[]>> = { codec, bridge, hosts, sync, native };

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv.slice(2),
    options: { json: { type: 'string' }, [PEER_OPTION]: { type: 'string' } },
    allowPositionals: true,
  });
  const peer = values[PEER_OPTION];
  if (peer !== undefined) {
    await measurePeer(peer);
    return 0;
  }
  const unknown = positionals.filter((name) => !(name in GROUPS));
  if (unknown.length > 0) {
    console.error(`No such group: ${unknown.join(', ')}; there are ${Object.keys(GROUPS).join(', ')}`);
    return 2;
  }
  const results: Result[] = [];
  for (const name of positionals.length > 0 ? positionals : Object.keys(GROUPS)) {
    const rows = await GROUPS[name]();
    console.log(`\n${name}\n${table(rows)}`);
    results.push(...rows);
  }
  if (values.json !== undefined) {
    // npm runs scripts in the package's folder; a relative path is meant from where the user typed it.
    const file = resolve(env.INIT_CWD ?? '.', values.json);
    writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  }
  const broken = results.filter((row) => !row.ok);
  for (const row of broken) {
    const peers = Object.entries(row.peers).map(([name, value]) => `, ${name} ${value}`);
    console.error(`\nBar broken: ${row.case}: ${row.ours} ${row.unit}, promised ${row.bar}${peers.join('')}`);
  }
  if (broken.length === 0) console.log('\nEvery bar holds.');
  return broken.length === 0 ? 0 : 1;
}

main().then(exit, (error) => {
  console.error(error);
  exit(1);
});
