// Starts the VS Code server on a free local port with folders of its own, and leaves nothing behind when stopped,
// not even when whoever started it is killed: a guard leads the server's process group.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { at, root, tools, venv } from '../lib/paths.mjs';
import { exitOf, StepError } from '../lib/run.mjs';
import { serverMain, serverNode } from '../lib/vscode.mjs';

const guard = at('scripts', 'vscode', 'guard.mjs');

/**
 * @typedef {object} ServerOptions
 * @property {boolean} [driver] lets a page load an extension under development and run its tests
 * @property {boolean} [installed] the project is there as an installed extension
 * @property {boolean} [trusted] every folder is trusted; false asks as VS Code does
 * @property {string} [token] a page needs it to connect; none when absent
 * @property {(line: string) => void} [onLog]
 *
 * @typedef {object} Server
 * @property {string} origin `127.0.0.1:PORT`
 * @property {string} folder the temporary folder that holds everything the server writes
 * @property {number} pid leads a process group of its own
 * @property {Promise<number>} exited
 * @property {() => Promise<void>} stop ends the server with all below it and removes its folder
 */

/** @param {ServerOptions} options @returns {Promise<Server>} */
export async function startServer(options = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'symphony-vscode-'));
  const extensions = join(folder, 'extensions');
  mkdirSync(extensions, { recursive: true });
  if (options.installed) symlinkSync(root, join(extensions, 'symphony.symphony-conductor-workbench-0.1.0'));
  writeSettings(folder);
  const server = [serverNode, serverMain, ...serverArguments(folder, extensions, options)];
  const child = spawn(process.execPath, [guard, folder, ...server], {
    cwd: root,
    detached: true,
    env: { ...process.env, ...environment(folder) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = exitOf(child);
  const stop = async () => {
    child.stdin.end();
    await exited;
  };
  try {
    const port = await listeningPort(child, exited, options.onLog);
    return { origin: `127.0.0.1:${port}`, folder, pid: child.pid, exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The address that opens a folder in the browser. */
export function folderUrl(origin, path, { token, payload } = {}) {
  const query = new URLSearchParams({
    ...(token ? { tkn: token } : {}),
    folder: path,
    ...(payload ? { payload: JSON.stringify(payload) } : {}),
  });
  return `http://${origin}/?${query}`;
}

/** No account, no chat and no welcome pages between a newcomer and the workbench. */
const quietSettings = {
  'chat.disableAIFeatures': true,
  'chat.agentHost.enabled': false,
  'extensions.ignoreRecommendations': true,
  'git.openRepositoryInParentFolders': 'never',
  'telemetry.telemetryLevel': 'off',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
};

function writeSettings(folder) {
  const text = JSON.stringify(quietSettings, null, 2);
  mkdirSync(join(folder, 'user-data', 'User'), { recursive: true });
  writeFileSync(join(folder, 'user-data', 'User', 'settings.json'), text);
}

function serverArguments(folder, extensions, { driver, trusted = true, token }) {
  return [
    ...['--host', '127.0.0.1', '--port', '0'],
    ...(token ? ['--connection-token', token] : ['--without-connection-token']),
    '--accept-server-license-terms',
    '--disable-telemetry',
    ...(driver ? ['--enable-smoke-test-driver'] : []),
    ...(trusted ? ['--disable-workspace-trust'] : []),
    ...['--user-data-dir', join(folder, 'user-data')],
    ...['--server-data-dir', join(folder, 'server-data')],
    ...['--extensions-dir', extensions],
  ];
}

/** The project's interpreter comes first on PATH, so that it is found from any workspace folder; VS Code's sockets
 * and temporary files go where everything else goes that is removed at the end. */
function environment(folder) {
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  return {
    PATH: [join(venv, 'bin'), process.env.PATH].join(delimiter),
    VIRTUAL_ENV: venv,
    TMPDIR: temporary,
    XDG_RUNTIME_DIR: temporary,
    NODE_COMPILE_CACHE: join(tools, 'node-compile-cache'),
  };
}

function listeningPort(child, exited, onLog) {
  return new Promise((found, failed) => {
    const lines = [];
    const read = (chunk) => {
      for (const line of chunk.split('\n').filter(Boolean)) {
        lines.push(line);
        onLog?.(line);
        const port = /listening on (\d+)/.exec(line)?.[1];
        if (port) found(Number(port));
      }
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    exited.then((code) =>
      failed(new StepError(`The VS Code server ended with ${code}:\n${lines.slice(-10).join('\n')}`)),
    );
  });
}
