#!/usr/bin/env node
// Takes the arguments of the desktop VS Code executable as @vscode/test-electron passes them, and runs the same
// tests in the extension host of the VS Code server, with a headless browser in front of it. The exit code is the
// tests' own. Built servers obey the page's `payload` only with the smoke-test driver on.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { main } from '../lib/main.mjs';
import { StepError } from '../lib/run.mjs';
import { openBrowser } from './browser.mjs';
import { folderUrl, startServer } from './server.mjs';

const options = {
  extensionDevelopmentPath: { type: 'string' },
  extensionTestsPath: { type: 'string' },
  'disable-workspace-trust': { type: 'boolean' },
};

main(() => launch(process.argv.slice(2)));

async function launch(args) {
  // Desktop-only switches (sandbox, gpu, user data) have no meaning here: every run has fresh folders.
  const { values, positionals } = parseArgs({ args, strict: false, allowPositionals: true, options });
  const development = values.extensionDevelopmentPath;
  const tests = values.extensionTestsPath;
  if (!development || !tests) {
    throw new StepError(
      'The launcher runs tests: --extensionDevelopmentPath and --extensionTestsPath are needed.',
    );
  }
  const server = await startServer({ driver: true, trusted: values['disable-workspace-trust'] === true });
  const browser = await openBrowser().catch(async (error) => {
    await server.stop();
    throw error;
  });
  const clean = async () => {
    await browser.close().catch(() => {});
    await server.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => clean().finally(() => process.exit(130)));
  try {
    const remote = (path) => `vscode-remote://${server.origin}${resolve(path)}`;
    const payload = [
      ['extensionDevelopmentPath', remote(development)],
      ['extensionTestsPath', remote(tests)],
      ['skipWelcome', 'true'],
    ];
    const page = await browser.newPage();
    return await Promise.race([
      exitCodeOf(page, folderUrl(server.origin, resolve(positionals[0] ?? development), { payload })),
      server.exited.then((code) => {
        throw new StepError(`The VS Code server ended with ${code} while the tests ran.`);
      }),
    ]);
  } finally {
    await clean();
  }
}

/** Opens the workbench and waits until the extension host has told how its tests ended. */
async function exitCodeOf(page, url) {
  const exit = new Promise((done) => {
    page.exposeFunction('codeAutomationExit', (code) => done(code));
  });
  await page.exposeFunction('codeAutomationLog', (type, args) => {
    if (isNoise(String(args[0]))) return;
    const write = type === 'error' || type === 'warn' ? console.error : console.log;
    write(...args);
  });
  page.on('crash', () => console.error('The page crashed.'));
  await page.goto(url);
  return exit;
}

/** What VS Code itself says at every start: connections, and the services this machine does not reach. */
function isNoise(line) {
  return (
    /^(Resolv(ing|ed) connection token|Creating a socket|Updating additional builtin|Creation of workbench)/.test(
      line,
    ) ||
    /^\[(AgentHost|ChatModelSelection|AccountPolicyGate|reconnection-grace-time|Service Worker)/.test(line) ||
    /authentication provider 'github'|open-vsx|ENOTFOUND/.test(line)
  );
}
