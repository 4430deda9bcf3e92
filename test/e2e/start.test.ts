// `npm start` as a newcomer sees it: the tour's summary, a local address with the workbench, nothing left after Ctrl+C.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser } from '../../scripts/vscode/browser.mjs';

const root = resolve(__dirname, '..', '..');

describe('npm start', { timeout: 120_000 }, () => {
  it('prints the summary, serves the workbench, and Ctrl+C leaves nothing behind', async () => {
    const before = leftovers();
    const child = spawn(process.execPath, [join(root, 'scripts', 'start.mjs')], {
      cwd: root,
      env: { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '' },
    });
    const url = await printed(child, /The workbench: (http:\S+)/);
    assert.match(url.output, /Summary: exit code 0/);
    assert.match(url.found, /^http:\/\/127\.0\.0\.1:\d+\/\?tkn=/);
    const refused = await fetch(url.found.replace(/tkn=\w+/, 'tkn=wrong'));
    assert.equal(refused.status, 403);

    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(url.found);
      await page.locator('.explorer-folders-view').getByText('tour.conductor.py').dblclick();
      await page.locator('.codelens-decoration').getByText('Debug').waitFor({ timeout: 30_000 });
    } finally {
      await browser.close();
    }

    child.kill('SIGINT');
    assert.equal(await new Promise((done) => child.once('exit', done)), 0);
    assert.deepEqual(
      leftovers().filter((name) => !before.includes(name)),
      [],
    );
  });

  it('leaves nothing behind when it is killed', async () => {
    const before = leftovers();
    const program = `import('${join(root, 'scripts', 'vscode', 'server.mjs')}').then(async ({ startServer }) => {
      console.log('runs at', (await startServer({ installed: true })).origin);
    })`;
    const child = spawn(process.execPath, ['-e', program]);
    await printed(child, /runs at (\S+)/);
    child.kill('SIGKILL');
    for (let left = [''], tries = 0; left.length > 0; tries++) {
      assert.ok(tries < 50, `still there: ${left}`);
      await sleep(200);
      left = leftovers().filter((name) => !before.includes(name));
    }
  });
});

/** Servers that run and folders that they left. */
function leftovers(): string[] {
  const folders = readdirSync(tmpdir()).filter((name) => /^(symphony|vscode)-/.test(name));
  const processes = spawnSync('pgrep', ['-f', join(root, '.tools', 'vscode')], { encoding: 'utf8' });
  return [...folders, ...processes.stdout.split('\n').filter(Boolean)].sort();
}

/** Waits for a pattern in what the program prints. */
function printed(child: ChildProcess, pattern: RegExp): Promise<{ found: string; output: string }> {
  let output = '';
  return new Promise((done, failed) => {
    const read = (chunk: string) => {
      output += chunk;
      const found = pattern.exec(output)?.[1];
      if (found) done({ found, output });
    };
    child.stdout?.setEncoding('utf8').on('data', read);
    child.stderr?.setEncoding('utf8').on('data', read);
    child.once('exit', (code) => failed(new Error(`npm start ended with ${code}:\n${output}`)));
  });
}
