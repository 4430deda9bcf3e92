// Runs other programs: quietly with a log file, live on the terminal, or for what they print.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join, relative } from 'node:path';
import { logs, root } from './paths.mjs';

/** A failure whose message already says everything the user needs. */
export class StepError extends Error {}

/**
 * Runs a program with its output in `.tools/logs/NAME.log`.
 * @throws StepError with the last lines of the log when it fails.
 */
export async function quietly(name, command, args, options = {}) {
  mkdirSync(logs, { recursive: true });
  const file = join(logs, `${name}.log`);
  const log = createWriteStream(file, { flags: options.append ? 'a' : 'w' });
  log.write(`$ ${[command, ...args].join(' ')}\n`);
  const child = spawn(command, args, { cwd: root, ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const code = await exitOf(child);
  await new Promise((done) => log.end(done));
  if (code === 0) return;
  throw new StepError(
    `${command} ended with ${code}; the last lines of ${relative(root, file)}:\n${tail(file)}`,
  );
}

/** Runs a program on this terminal and gives its exit code. */
export function live(command, args, options = {}) {
  return exitOf(spawn(command, args, { cwd: root, stdio: 'inherit', ...options }));
}

/** What a program prints, or undefined when it is missing or fails. */
export async function outputOf(command, args, options = {}) {
  const child = spawn(command, args, { cwd: root, ...options, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  return (await exitOf(child)) === 0 ? text : undefined;
}

/** The exit code of a child; 127 when it could not be started, 128 + n after a signal. */
export function exitOf(child) {
  return new Promise((done) => {
    child.once('error', () => done(127));
    child.once('close', (code, signal) => done(code ?? 128 + constants.signals[signal]));
  });
}

function tail(file, lines = 25) {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join('\n');
}
