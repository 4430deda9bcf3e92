// A person sets a breakpoint in the tour, presses F5, looks at variables, steps and goes on.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Workbench } from './workbench';

describe('the debugger in a real browser', { timeout: 120_000 }, () => {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open();
  });
  after(() => workbench.close());

  it('stops at a breakpoint, shows variables, steps and continues', () =>
    workbench.steps('debug', async () => {
      const { page } = workbench;
      const line = lineOf(join(workbench.folder, 'tour.conductor.py'), 'best = ranked[:5]');
      await workbench.openFile('tour.conductor.py');
      await workbench.goToLine(line);
      await page.keyboard.press('F9');
      await page.locator('.codicon-debug-breakpoint, .codicon-debug-breakpoint-unverified').first().waitFor();
      await page.keyboard.press('F5');
      await page.locator('.debug-toolbar').waitFor();
      const stopped = page.locator('.debug-top-stack-frame-line');
      await stopped.first().waitFor({ timeout: 60_000 });
      await workbench.cursorAt(line);
      const variables = page.locator('.debug-variables .monaco-list-row');
      const locals = variables.filter({ hasText: 'Locals' });
      await locals.waitFor();
      // VS Code opens the first scope by itself, but not always.
      if ((await locals.getAttribute('aria-expanded')) === 'false') await locals.click();
      await variables
        .filter({ hasText: /^ranked/ })
        .first()
        .waitFor();

      await page.keyboard.press('F10');
      await variables.filter({ hasText: /^best/ }).first().waitFor();
      await workbench.cursorAt(line + 1);
      await workbench.screenshot('debug');

      await page.keyboard.press('F5');
      await page.locator('.debug-toolbar').waitFor({ state: 'hidden', timeout: 60_000 });
    }));

  it('Stop ends a session that is stopped at a breakpoint', () =>
    workbench.steps('debug-stop', async () => {
      const { page } = workbench;
      // The report that the run before opened has the focus.
      await workbench.openFile('tour.conductor.py');
      await page.keyboard.press('F5');
      await page.locator('.debug-top-stack-frame-line').first().waitFor({ timeout: 60_000 });
      await page.keyboard.press('Shift+F5');
      await page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
    }));
});

function lineOf(file: string, text: string): number {
  return (
    readFileSync(file, 'utf8')
      .split('\n')
      .findIndex((line) => line.includes(text)) + 1
  );
}
