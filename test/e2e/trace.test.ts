// A person runs scripts from the palette and finds calls, an error and a leak in the trace panel.
import { after, before, describe, it } from 'node:test';
import { Workbench } from './workbench';

describe('the trace panel in a real browser', { timeout: 170_000 }, () => {
  let workbench: Workbench;

  before(async () => {
    const fixtures = ['scripts/raises.conductor.py', 'scripts/leaks.conductor.py'];
    workbench = await Workbench.open({ fixtures });
  });
  after(() => workbench.close());

  it('shows the tour in spans of three languages, and a click lands in the source', () =>
    workbench.steps('tour', async () => {
      await workbench.runScript('tour.conductor.py');
      await workbench.tab(/tour of Python/i).waitFor();
      await workbench.screenshot('tour-report');
      const panel = await workbench.openTrace('Calls');
      const rows = panel.locator('.table-rows .table-row');
      await rows.first().waitFor();
      // The side bar only takes room from the panel here.
      await workbench.page.keyboard.press('Control+B');
      await workbench.screenshot('trace-calls');
      for (const direction of ['TS→Py', 'Py→Rs', 'Py→TS']) {
        await choose(direction, workbench);
        await rows.filter({ hasText: direction }).first().waitFor();
      }
      await choose('Py→Rs', workbench);
      await rows.filter({ hasText: 'Py→Rs' }).first().click();
      const site = panel.locator('.details a.source').filter({ hasText: 'tour.conductor.py' }).first();
      const line = Number((await site.getAttribute('title'))?.split(':').at(-1));
      await site.click();
      await workbench.tab('tour.conductor.py').and(workbench.page.locator('.active')).waitFor();
      await workbench.cursorAt(line);
      await workbench.screenshot('trace-source');
    }));

  it('shows an error with its stack, and a frame lands in its line', () =>
    workbench.steps('error', async () => {
      await workbench.runScript('raises.conductor.py');
      await workbench
        .notification(/ZeroDivisionError/)
        .first()
        .waitFor();
      const panel = await workbench.openTrace('Errors');
      const card = panel.locator('.error-card').filter({ hasText: 'ZeroDivisionError' });
      await card.waitFor();
      await workbench.screenshot('trace-errors');
      const frame = card.locator('.frame').filter({ hasText: 'divide' });
      await frame.locator('a.source').click();
      await workbench.editorLine('return numerator / denominator').waitFor();
      await workbench.cursorAt(5);
    }));

  it('shows a leak with the line that made it', () =>
    workbench.steps('leak', async () => {
      await workbench.runScript('leaks.conductor.py');
      const panel = await workbench.openTrace('Leaks');
      const row = panel.locator('.handles-leak tbody tr').filter({ hasText: 'leaks.conductor.py:8' });
      await row.waitFor();
      await workbench.screenshot('trace-leaks');
      await row.locator('a.source').click();
      await workbench.editorLine('kept_by_leaks_fixture').waitFor();
      await workbench.cursorAt(8);
    }));
});

/** Filters the calls by a direction. */
async function choose(direction: string, workbench: Workbench): Promise<void> {
  const panel = workbench.webview();
  await panel.locator('.direction-choice').click();
  await panel
    .locator('vscode-option')
    .filter({ hasText: direction.replace('→', ' → ') })
    .first()
    .click();
}
