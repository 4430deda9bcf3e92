/**
 * The trace panel in a real browser without VS Code: the real page, script and policy; a fake `acquireVsCodeApi` whose
 * messages come out here. Makes the panel's bundle anew, once in each process.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { FromPanel, ToPanel } from '../../extension/protocol/panelMessages';
import { type TraceData, TraceFeed } from '../../extension/views/traceFeed';
import { tracePage } from '../../extension/views/tracePage';
import { THEMES, type ThemeName } from './themes';

const ROOT = join(__dirname, '../..');
const ORIGIN = 'http://panel.test';

/** One open panel. */
export class PanelPage {
  /** What the panel said, in order. */
  readonly messages: FromPanel[] = [];
  /** Errors and policy violations of the page. */
  readonly faults: string[] = [];
  private feed: TraceFeed | undefined;
  private loads = 0;

  private constructor(readonly page: Page) {}

  static async open(
    browser: Browser,
    theme: ThemeName,
    size = { width: 1200, height: 780 },
    state?: object,
  ): Promise<PanelPage> {
    bundle();
    // One context for all: making one takes longer than the page itself.
    const context = browser.contexts()[0] ?? (await browser.newContext());
    const page = await context.newPage();
    await page.setViewportSize(size);
    const panel = new PanelPage(page);
    page.on('pageerror', (error) => panel.faults.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') panel.faults.push(message.text());
    });
    await page.route(`${ORIGIN}/**`, (route) => {
      const name = new URL(route.request().url()).pathname.slice(1);
      if (name === '') {
        const parts = { script: 'webview.js', style: 'webview.css', cspSource: ORIGIN, nonce: 'test' };
        return route.fulfill({ contentType: 'text/html', body: tracePage(parts) });
      }
      const contentType = name.endsWith('.css') ? 'text/css' : 'text/javascript';
      const file = join(ROOT, 'dist', name);
      return existsSync(file)
        ? route.fulfill({ contentType, body: readFileSync(file) })
        : route.fulfill({ status: 404, body: '' });
    });
    await page.exposeFunction('toExtension', (message: FromPanel) => panel.receive(message));
    // tsx marks functions with a helper that the page does not have.
    await page.addInitScript('globalThis.__name = (value) => value');
    await page.addInitScript(FAKE_API, { theme: THEMES[theme], name: theme, state });
    await page.goto(`${ORIGIN}/`);
    await panel.until((message) => message.type === 'ready');
    return panel;
  }

  /** Sends a whole trace and waits until it shows. */
  async show(data: TraceData): Promise<void> {
    const load = ++this.loads;
    let sending = Promise.resolve();
    this.feed = new TraceFeed(load, data, (message) => {
      sending = sending.then(() => this.send(message));
    });
    this.feed.start();
    await this.page.waitForFunction((count) => document.body.dataset.ended === String(count), load);
    await sending;
    await this.settle();
  }

  async send(message: ToPanel): Promise<void> {
    await this.page.evaluate((data) => {
      window.dispatchEvent(new MessageEvent('message', { data }));
      if (data.type === 'trace/end') document.body.dataset.ended = String(data.load);
    }, message);
  }

  /** Lets two frames pass: what was asked for is drawn. */
  async settle(): Promise<void> {
    await this.page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );
  }

  /** The first message from `from` on that `wanted` accepts. */
  async until(wanted: (message: FromPanel) => boolean, from = 0): Promise<FromPanel> {
    const deadline = Date.now() + 5000;
    while (Date.now() < deadline) {
      const found = this.messages.slice(from).find(wanted);
      if (found) return found;
      await new Promise((done) => setTimeout(done, 10));
    }
    throw new Error(`the panel said ${JSON.stringify(this.messages.slice(from))}; ${this.faults.join('; ')}`);
  }

  private receive(message: FromPanel): void {
    this.messages.push(message);
    if (message.type === 'ack') this.feed?.acknowledge(message.load);
  }
}

/** Runs in the page before its script. */
function FAKE_API(given: { theme: Record<string, string>; name: string; state?: object }): void {
  let state: unknown = given.state;
  const api = {
    postMessage: (message: unknown) =>
      (window as never as { toExtension(m: unknown): void }).toExtension(message),
    getState: () => state,
    setState: (next: unknown) => {
      state = JSON.parse(JSON.stringify(next));
    },
  };
  Object.assign(window, { acquireVsCodeApi: () => api, panelState: () => state });
  document.addEventListener('DOMContentLoaded', () => {
    for (const [name, value] of Object.entries(given.theme)) {
      document.documentElement.style.setProperty(`--vscode-${name}`, value);
    }
    const kind = given.name === 'high-contrast' ? 'vscode-high-contrast' : `vscode-${given.name}`;
    document.body.className = kind;
    document.body.dataset.vscodeThemeKind = kind;
  });
}

let bundled = false;

function bundle(): void {
  if (bundled) return;
  bundled = true;
  execFileSync(process.execPath, [join(ROOT, 'esbuild.mjs'), 'webview'], { cwd: ROOT, stdio: 'inherit' });
}
