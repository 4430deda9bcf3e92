#!/usr/bin/env node
// `npm run check`: format, lint, types and import directions of every language. `-- --fix` (npm run format)
// rewrites what can be rewritten. One line per tool; the output of those that complain follows it.
import { spawn } from 'node:child_process';
import { argv, execPath } from 'node:process';
import { main } from './lib/main.mjs';
import { headersFolder } from './lib/native.mjs';
import { at, venv } from './lib/paths.mjs';
import { exitOf, StepError } from './lib/run.mjs';
import { setUpTools } from './lib/setup.mjs';
import { filesBelow } from './lib/stamp.mjs';

const fix = argv.includes('--fix');

main(async () => {
  await setUpTools();
  const checks = [...webChecks(), ...pythonChecks(), ...rustChecks(), ...cppChecks()].filter(Boolean);
  const failures = [];
  for (const check of checks) if (!(await perform(check))) failures.push(check.name);
  if (failures.length > 0)
    throw new StepError(`\n${failures.length} of ${checks.length} checks failed: ${failures.join(', ')}`);
  console.log(`\n${checks.length} checks passed`);
});

function webChecks() {
  const folders = ['extension', 'webview', 'test', 'bench', 'scripts'];
  return [
    nodeTool('biome', '@biomejs/biome/bin/biome', [
      'check',
      ...(fix ? ['--write'] : []),
      '--error-on-warnings',
      '.',
    ]),
    !fix && nodeTool('tsc', 'typescript/bin/tsc', ['--noEmit']),
    !fix &&
      nodeTool('import directions', 'dependency-cruiser/bin/dependency-cruise.mjs', [
        '--config',
        '.dependency-cruiser.cjs',
        ...folders,
      ]),
  ];
}

function pythonChecks() {
  const folders = ['python', 'examples', 'test', 'bench', 'scripts'];
  const settings = ['--config', at('python', 'pyproject.toml')];
  const ruff = at('.venv', 'bin', 'ruff');
  return [
    tool('ruff format', ruff, ['format', ...settings, ...(fix ? [] : ['--check']), ...folders]),
    tool('ruff lint', ruff, ['check', ...settings, ...(fix ? ['--fix'] : []), ...folders]),
    !fix && tool('mypy', at('.venv', 'bin', 'mypy'), ['--config-file', at('python', 'pyproject.toml')]),
  ];
}

function rustChecks() {
  const manifest = ['--manifest-path', at('native', 'Cargo.toml')];
  return [
    tool('cargo fmt', 'cargo', ['fmt', '--all', ...manifest, ...(fix ? [] : ['--', '--check'])]),
    !fix &&
      tool('clippy', 'cargo', [
        'clippy',
        '--release',
        '--all-targets',
        '--locked',
        ...manifest,
        '--',
        '-D',
        'warnings',
      ]),
  ];
}

function cppChecks() {
  const sources = filesBelow([at('native')], (file) => /\.(cc|h)$/.test(file));
  const units = sources.filter((file) => file.endsWith('.cc'));
  const folders = [
    at('native', 'addon'),
    at('native', 'core', 'include'),
    at('node_modules', 'node-addon-api'),
  ];
  const flags = [
    '-std=c++20',
    '-DNAPI_VERSION=8',
    '-DNAPI_CPP_EXCEPTIONS',
    '-DPy_LIMITED_API=0x03080000',
    ...folders.map((folder) => `-I${folder}`),
    `-isystem${headersFolder()}/include/node`,
  ];
  return [
    tool('clang-format', `${venv}/bin/clang-format`, [
      ...(fix ? ['-i'] : ['--dry-run', '-Werror']),
      ...sources,
    ]),
    !fix && tool('clang-tidy', `${venv}/bin/clang-tidy`, ['--quiet', ...units, '--', ...flags]),
  ];
}

const tool = (name, command, args) => ({ name, command, args });
const nodeTool = (name, file, args) =>
  tool(name, execPath, [at('node_modules', ...file.split('/')), ...args]);

async function perform({ name, command, args }) {
  const began = performance.now();
  const child = spawn(command, args, { cwd: at(), stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const collect = (chunk) => {
    text += chunk;
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  const passed = (await exitOf(child)) === 0;
  console.log(
    `${passed ? '✓' : '✗'} ${name.padEnd(18)}${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s`,
  );
  if (!passed) console.log(text.trimEnd());
  return passed;
}
