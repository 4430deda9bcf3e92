/** Measures other bridges, each in a process of its own, one after the other. */
import { spawnSync } from 'node:child_process';
import { argv, execPath } from 'node:process';
import { isInstalled, programs, type Times } from './peers/programs';

/** Word of the command line that turns this program into one peer's measurement. */
export const PEER_OPTION = 'peer';

/** Times by peer, of all or of those named; one that is not installed or fails is told and left out. */
export function peerTimes(names = Object.keys(programs)): Record<string, Times> {
  const found: Record<string, Times> = {};
  for (const name of names) {
    if (!isInstalled(name)) {
      console.error(`${name} is not installed: node bench/peers/install.mjs`);
      continue;
    }
    const run = spawnSync(execPath, [argv[1], `--${PEER_OPTION}`, name], { encoding: 'utf8' });
    const result = /^TIMES (.*)$/m.exec(run.stdout)?.[1];
    if (result) found[name] = JSON.parse(result) as Times;
    else console.error(`${name} was not measured: ${run.error ?? run.stderr}`);
  }
  return found;
}

/** The other end of `peerTimes`. */
export async function measurePeer(name: string): Promise<void> {
  console.log(`TIMES ${JSON.stringify(await programs[name]())}`);
}
