// Drives real VS Code in a real browser, the way a person does: palette, editors, panels, the trace webview.
import { cpSync, mkdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Browser, FrameLocator, Locator, Page } from 'playwright-core';
import { openBrowser } from '../../scripts/vscode/browser.mjs';
import { folderUrl, startServer } from '../../scripts/vscode/server.mjs';

const root = resolve(__dirname, '..', '..');

export interface WorkbenchOptions {
  /** Scripts of test/fixtures that are put beside the examples, as in `scripts/raises.conductor.py`. */
  fixtures?: string[];
}

/** One VS Code with a fresh copy of the examples as its workspace and the extension loaded. */
export class Workbench {
  private constructor(
    readonly page: Page,
    /** The workspace folder on disk. */
    readonly folder: string,
    private readonly browser: Browser,
    private readonly stopServer: () => Promise<void>,
  ) {}

  static async open(options: WorkbenchOptions = {}): Promise<Workbench> {
    const server = await startServer({ installed: true });
    // Inside the server's own folder, which goes when the server goes.
    const folder = join(server.folder, 'examples');
    cpSync(join(root, 'examples'), folder, {
      recursive: true,
      filter: (path) => !path.endsWith('.symphony'),
    });
    for (const name of options.fixtures ?? []) {
      cpSync(join(root, 'test', 'fixtures', name), join(folder, basename(name)));
    }
    try {
      const browser = await openBrowser();
      const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
      page.setDefaultTimeout(20_000);
      await page.goto(folderUrl(server.origin, folder));
      const workbench = new Workbench(page, folder, browser, server.stop);
      await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
      return workbench;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.stopServer();
  }

  /** Picks a command in the palette by its title, as in `Symphony: Open Trace`. */
  async runCommand(title: string): Promise<void> {
    await this.pick('F1', `>${title}`, title);
  }

  /** Opens a file of the workspace through quick open. */
  async openFile(name: string): Promise<void> {
    await this.pick('Control+P', name, name);
    await this.tab(name).waitFor();
  }

  /**
   * Opens a quick input, types into it and accepts the first row that shows `text`. Something that opens at the
   * same moment may take the focus, which closes the input: a person would press the key again, and so does this.
   */
  private async pick(key: string, query: string, text: string): Promise<void> {
    const input = this.page.locator('.quick-input-widget input.input');
    const row = this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: text }).first();
    for (let tries = 1; ; tries++) {
      try {
        await this.page.keyboard.press(key);
        await input.fill(query, { timeout: 5000 });
        await row.click({ timeout: 5000 });
        return;
      } catch (error) {
        if (tries === 4) throw error;
        await this.page.keyboard.press('Escape');
      }
    }
  }

  /** Opens a script and runs it at once, as a quick person does; waits until it has ended. */
  async runScript(name: string, { timeout = 60_000 } = {}): Promise<void> {
    await this.openFile(name);
    await this.runCommand('Symphony: Run Conductor Script');
    const running = this.page.locator('.statusbar-item').filter({ hasText: name });
    const started = this.page
      .locator('.statusbar-item')
      .filter({ hasText: /Starting Python/ })
      .or(running);
    // A quick script may have ended before the browser is told that it ran.
    await started
      .first()
      .waitFor({ timeout: 3000 })
      .catch(() => {});
    await started.first().waitFor({ state: 'hidden', timeout });
  }

  /** Opens the trace of the last run on one of its tabs. */
  async openTrace(tab: 'Calls' | 'Errors' | 'Leaks'): Promise<FrameLocator> {
    await this.runCommand('Symphony: Open Trace');
    const panel = this.webview();
    await panel.getByRole('tab', { name: new RegExp(`^${tab}`) }).click();
    return panel;
  }

  tab(name: string | RegExp): Locator {
    return this.page.locator('.tabs-container .tab').filter({ hasText: name });
  }

  /** The content of the visible webview. */
  webview(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready').last().frameLocator('#active-frame');
  }

  /** Notifications, newest last. */
  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-list-item').filter({ hasText: text });
  }

  /** A line of the text editor that has the focus. */
  editorLine(text: string | RegExp): Locator {
    return this.page.locator('.editor-group-container.active .view-line').filter({ hasText: text });
  }

  /** Waits until the cursor of a visible editor is on this line, whoever has the focus. */
  async cursorAt(line: number): Promise<void> {
    const current = this.page.locator('.editor-instance .active-line-number');
    await current
      .filter({ hasText: new RegExp(`^${line}$`) })
      .first()
      .waitFor();
  }

  /** Puts the cursor on a line of the active editor. */
  async goToLine(line: number): Promise<void> {
    await this.page.keyboard.press('Control+G');
    const input = this.page.locator('.quick-input-widget input.input');
    await input.waitFor();
    await input.fill(`:${line}`);
    await this.page.locator('.quick-input-widget').getByText(`line ${line}`).first().waitFor();
    await this.page.keyboard.press('Enter');
    await input.waitFor({ state: 'hidden' });
  }

  /** Keeps what the window shows in test/results; `npm run pictures` keeps it as docs/images/NAME.png. */
  async screenshot(name: string): Promise<void> {
    const folder = join(root, ...(process.env.SYMPHONY_PICTURES ? ['docs', 'images'] : ['test', 'results']));
    mkdirSync(folder, { recursive: true });
    if (process.env.SYMPHONY_PICTURES) {
      await this.runCommand('Notifications: Clear All Notifications');
      // The palette fades out.
      await this.page.waitForTimeout(500);
    }
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }

  /** Runs a test's steps; when they fail, a picture of the window is kept beside the test results. */
  async steps(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const results = join(root, 'test', 'results');
      mkdirSync(results, { recursive: true });
      await this.page.screenshot({ path: join(results, `${name}.png`) });
      throw error;
    }
  }
}
