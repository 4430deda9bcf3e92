// Runs the tests of this folder inside a real extension host: desktop VS Code when VSCODE_EXECUTABLE points at one,
// else the VS Code server through our launcher, which takes the same arguments.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runTests } from '@vscode/test-electron';

const root = resolve(__dirname, '..', '..');

async function main(): Promise<number> {
  // Runs leave traces and a Pit home in their workspace: work on a copy.
  const workspace = mkdtempSync(join(tmpdir(), 'symphony-workspace-'));
  cpSync(join(root, 'examples'), workspace, {
    recursive: true,
    filter: (path) => !path.endsWith('.symphony'),
  });
  try {
    return await runTests({
      vscodeExecutablePath: process.env.VSCODE_EXECUTABLE ?? join(root, 'scripts', 'vscode', 'launcher.mjs'),
      extensionDevelopmentPath: root,
      extensionTestsPath: join(root, 'dist', 'test', 'vscode', 'index.js'),
      launchArgs: [workspace],
    });
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
