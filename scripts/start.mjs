#!/usr/bin/env node
// `npm start`: sets everything up, runs the tour, opens the workbench. `-- --headless` stops after the summary.
// Works on a clean clone: nothing here may need a package that set-up has not installed yet.
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { argv, execPath } from 'node:process';
import { main } from './lib/main.mjs';
import { at, root } from './lib/paths.mjs';
import { embeddingHint } from './lib/python.mjs';
import { live, StepError } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';
import { desktopVSCode, hasServer } from './lib/vscode.mjs';
import { folderUrl, startServer } from './vscode/server.mjs';

const examples = at('examples');

main(async () => {
  const headless = argv.includes('--headless');
  const desktop = headless ? undefined : desktopVSCode();
  await setUp({ server: !headless && !desktop });
  const hint = await embeddingHint();
  if (hint) console.log(`  ${hint}`);

  const code = await runTour();
  if (code !== 0) throw new StepError(`\nThe tour ended with ${code}.`);
  if (headless) return 0;
  if (desktop) return openDesktop(desktop);
  if (hasServer()) return openInBrowser();
  console.log('\nThe workbench needs VS Code; the reason why it is not here stands above.');
  return 0;
});

function runTour() {
  const home = at('examples', '.symphony');
  mkdirSync(home, { recursive: true });
  const trace = at('examples', '.symphony', 'tour.symtrace');
  console.log('');
  const args = [at('dist', 'conductor.js'), 'tour.conductor.py', '--host', 'auto', '--trace', trace];
  return live(execPath, args, { cwd: examples });
}

function openDesktop(code) {
  console.log('\nThe workbench opens in VS Code.');
  return live(code, ['--new-window', `--extensionDevelopmentPath=${root}`, examples]);
}

async function openInBrowser() {
  const token = randomBytes(12).toString('hex');
  // The workspace is the project's own examples: asking whether they are trusted would only stand in the way.
  const server = await startServer({ installed: true, trusted: true, token });
  console.log(`\nThe workbench: ${folderUrl(server.origin, examples, { token })}`);
  console.log('Ctrl+C stops it.');
  const asked = new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => done(0));
  });
  const code = await Promise.race([asked, server.exited]);
  await server.stop();
  console.log('\nStopped; nothing is left running.');
  return code;
}
