// Leads the process group of a server: runs it, and when whoever started it ends, by whatever means, ends the whole
// group and removes its folder. Started as `guard.mjs FOLDER COMMAND ARGUMENTS…` with a pipe as standard input.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { argv, exit, kill, stdin } from 'node:process';

const patienceMs = 2500;

const [folder, command, ...args] = argv.slice(2);
const server = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
server.once('error', () => leave(127));
server.once('exit', (code) => leave(code ?? 1));
stdin.resume().once('close', end);
process.on('SIGTERM', () => {});

/** Asks everyone in the group to end; `leave` follows when the server has. */
function end() {
  setTimeout(leave, patienceMs, 0);
  kill(0, 'SIGTERM');
}

function leave(code) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  process.once('exit', () => kill(0, 'SIGKILL'));
  exit(code);
}
