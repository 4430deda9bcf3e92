// Lets one set-up run at a time: two commands in two terminals would build into the same folders.
//
// The kernel's lock of the file is the lock; what stands in the file only names who has it. So no moment exists in
// which a file without a name, or with the name of a dead process, could be taken for a lock that is free.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tools } from './paths.mjs';
import { StepError } from './run.mjs';

/** Runs `work` while holding the named lock; it is free again as soon as the process that holds it is gone. */
export async function withLock(name, work, folder = tools) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.lock`);
  const release = (await take(file, ['--nonblock'])) ?? (await wait(file));
  writeFileSync(file, String(process.pid));
  try {
    return await work();
  } finally {
    await release();
  }
}

async function wait(file) {
  console.log(`  another command is setting up (process ${readFileSync(file, 'utf8')}); waiting for it`);
  const release = await take(file, []);
  if (release) return release;
  throw new StepError(`The lock ${file} could not be taken.`);
}

/** A function that gives the lock back; undefined when somebody else has it. */
async function take(file, options) {
  // `cat` holds the lock until our end of its input closes: when we say so, or when this process is gone. In a group
  // of its own, Ctrl+C leaves the order of ends to us.
  const holder = spawn('flock', [...options, file, 'sh', '-c', 'echo held && exec cat'], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  holder.stdin.on('error', () => {});
  const gone = new Promise((done, fail) => {
    holder.once('close', () => done(false));
    holder.once('error', () => fail(new StepError('flock is missing; install util-linux.')));
  });
  const held = new Promise((done) => holder.stdout.once('data', () => done(true)));
  if (!(await Promise.race([held, gone]))) return undefined;
  return async () => {
    holder.stdin.end();
    await gone;
  };
}
