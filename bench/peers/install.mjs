#!/usr/bin/env node
// `node bench/peers/install.mjs`: the bridges that the benchmark compares with, built against the project's Python.
// Each stands alone: one that cannot be built is told, and the benchmark runs without it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { env, execPath, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');

/** Folder of the interpreter that the project's environment was made from: headers and library lie beside it. */
function pythonHome() {
  const settings = readFileSync(join(root, '.venv', 'pyvenv.cfg'), 'utf8');
  return /^home = (.+)$/m.exec(settings)[1];
}

/** Node's own headers where they are installed beside it; else node-gyp fetches them. */
function nodeHeaders() {
  const prefix = join(dirname(execPath), '..');
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? { npm_config_nodedir: prefix } : {};
}

const bin = pythonHome();
const building = {
  ...env,
  ...nodeHeaders(),
  PATH: [bin, join(root, 'node_modules', '.bin'), env.PATH].join(delimiter),
  PKG_CONFIG_PATH: [join(bin, '..', 'lib', 'pkgconfig'), env.PKG_CONFIG_PATH].filter(Boolean).join(delimiter),
  LDFLAGS: [`-Wl,-rpath,${join(bin, '..', 'lib')}`, env.LDFLAGS].filter(Boolean).join(' '),
};

function run(command, args, folder) {
  const { status, error } = spawnSync(command, args, { cwd: folder, env: building, stdio: 'inherit' });
  if (error) console.error(String(error));
  return status === 0;
}

const inPeer = (name) => join(here, 'node_modules', name);
const peers = {
  pymport: () =>
    run(
      'node',
      [join(inPeer('@mapbox/node-pre-gyp'), 'bin', 'node-pre-gyp'), 'install', '--build-from-source'],
      inPeer('pymport'),
    ),
  'node-calls-python': () => run('node-gyp', ['rebuild'], inPeer('node-calls-python')),
};

if (!run('npm', ['ci', '--ignore-scripts'], here)) exit(1);
const missing = Object.entries(peers).filter(([, build]) => !build());
for (const [name] of missing) console.error(`${name} could not be built; the benchmark leaves it out.`);
exit(missing.length === 0 ? 0 : 1);
