// A script brings the whole extension host down; VS Code starts it anew, and a person finds out what happened.
import { after, before, describe, it } from 'node:test';
import { Workbench } from './workbench';

describe('a crash of the extension host in a real browser', { timeout: 170_000 }, () => {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open({ fixtures: ['scripts/crashes.conductor.py'] });
  });
  after(() => workbench.close());

  it('is reported by the next one, which runs the script in a subprocess, and goes back when told to', () =>
    workbench.steps('crash', async () => {
      await workbench.openFile('crashes.conductor.py');
      await workbench.runCommand('Symphony: Run Conductor Script');
      const told = workbench.notification(/ended while one call was under way/);
      await told.waitFor({ timeout: 60_000 });
      await told.getByText('Show Crash Report').click();
      const report = workbench.webview().locator('.crash');
      await report.getByRole('heading', { name: 'Under way' }).waitFor();
      await report.getByText('crashes.conductor.py').first().waitFor();

      await workbench.runScript('crashes.conductor.py');
      const failed = workbench.notification(/crashes\.conductor\.py failed: .*SIGSEGV/);
      await failed.getByText('Show Crash Report').click();
      await report.getByText('crashed with SIGSEGV').waitFor();
      const crashed = workbench.page.locator('.statusbar-item').filter({ hasText: 'Conductor crashed' });
      await crashed.waitFor();
      await workbench.page.keyboard.press('Control+B');
      await workbench.screenshot('crash-report');
      await report.locator('.crash-frames .source').filter({ hasText: 'crashes.conductor.py:5' }).click();
      await workbench.cursorAt(5);

      await workbench.runCommand('Symphony: Try Embedded Again');
      await workbench.notification(/The next run embeds Python again/).waitFor();
    }));
});
