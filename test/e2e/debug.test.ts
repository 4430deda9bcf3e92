// A person sets a breakpoint, presses F5, looks at variables, steps and goes on.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import { Workbench } from './workbench';

describe('the debugger in a real browser', { timeout: 120_000 }, () => {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open({ fixtures: ['debug/steps.conductor.py'] });
  });
  after(() => workbench.close());

  it('stops at a breakpoint, shows variables, steps and continues', () =>
    workbench.steps('debug', async () => {
      const { page } = workbench;
      await workbench.openFile('steps.conductor.py');
      await workbench.goToLine(5);
      await page.keyboard.press('F9');
      await page.locator('.codicon-debug-breakpoint, .codicon-debug-breakpoint-unverified').first().waitFor();
      await page.keyboard.press('F5');
      await page.locator('.debug-toolbar').waitFor();
      const stopped = page.locator('.debug-top-stack-frame-line');
      await stopped.first().waitFor({ timeout: 40_000 });
      const value = page.locator('.debug-variables .monaco-list-row').filter({ hasText: /^value/ });
      const locals = page.locator('.debug-variables .monaco-list-row').filter({ hasText: 'Locals' });
      await locals.waitFor();
      // VS Code opens the first scope by itself, but not always.
      if ((await locals.getAttribute('aria-expanded')) === 'false') await locals.click();
      await value.first().waitFor();
      assert.match((await value.first().textContent()) ?? '', /0/);
      await workbench.screenshot('debug');

      await page.keyboard.press('F10');
      const result = page.locator('.debug-variables .monaco-list-row').filter({ hasText: /^result/ });
      await result.first().waitFor();
      assert.equal(await workbench.cursorLine(), 6);

      await workbench.goToLine(5);
      await page.keyboard.press('F9');
      await page.keyboard.press('F5');
      await page.locator('.debug-toolbar').waitFor({ state: 'hidden', timeout: 40_000 });
    }));
});
