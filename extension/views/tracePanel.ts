/**
 * The trace panel's extension side: lifetime, page with its content security policy, message pump, opening of sources.
 *
 * A hidden panel gets no messages and loses its page; when it shows again it says `ready` and gets everything anew.
 * Must not know: hosts, the trace format.
 */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { CrashReport } from '../protocol/crashReport';
import type { FromPanel, ToPanel } from '../protocol/panelMessages';
import { openSource } from './openSource';
import { type TraceData, TraceFeed } from './traceFeed';
import { tracePage } from './tracePage';

export type { TraceData } from './traceFeed';

/** Where the panel's data comes from. */
export interface TraceSource {
  /** The newest trace; null when nothing has been recorded. A rejection is shown in the panel. */
  load(): Promise<TraceData | null>;
  /** The crash that is shown; null when none is. */
  readonly crash: CrashReport | null;
  /** There may be something new. */
  onDidChange(listener: () => void): { dispose(): void };
}

/** View type of the panel; package.json activates the extension for it. */
export const TRACE_VIEW = 'symphony.trace';

/** Recordings change thousands of times a second; the panel follows at this pace, and slower for traces that load slowly. */
const REFRESH_MS = 300;
/** Share of the extension host's time that following a recording may take: one part in this many. */
const REFRESH_SHARE = 10;

/** The one trace panel. Register it as the serializer of `TRACE_VIEW` too, so that it comes back after a reload. */
export class TracePanel implements vscode.Disposable, vscode.WebviewPanelSerializer {
  private panel: vscode.WebviewPanel | undefined;
  private feed: TraceFeed | undefined;
  private loads = 0;
  private loadMs = 0;
  private ready = false;
  private refreshTimer: NodeJS.Timeout | undefined;
  private readonly subscription: { dispose(): void };

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly source: TraceSource,
    private readonly log: { error(message: string): void },
    private readonly openReport: (report: CrashReport) => Thenable<unknown>,
  ) {
    this.subscription = source.onDidChange(() => this.refreshSoon());
  }

  /** Opens the panel beside the editor, or brings it to the front. */
  show(): void {
    if (this.panel) this.panel.reveal(undefined, true);
    else {
      const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
      this.adopt(vscode.window.createWebviewPanel(TRACE_VIEW, 'Symphony Trace', place));
    }
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.panel?.dispose();
    this.adopt(panel);
  }

  dispose(): void {
    clearTimeout(this.refreshTimer);
    this.subscription.dispose();
    this.panel?.dispose();
  }

  private adopt(panel: vscode.WebviewPanel): void {
    this.panel = panel;
    this.ready = false;
    const dist = vscode.Uri.joinPath(this.extensionUri, 'dist');
    panel.webview.options = { enableScripts: true, localResourceRoots: [dist] };
    panel.webview.onDidReceiveMessage((message: FromPanel) => this.receive(message));
    panel.onDidDispose(() => {
      if (this.panel !== panel) return;
      this.panel = undefined;
      this.feed = undefined;
      this.ready = false;
    });
    panel.webview.html = page(panel.webview, dist);
  }

  private receive(message: FromPanel): void {
    switch (message.type) {
      case 'ready':
        this.ready = true;
        void this.loadNow();
        break;
      case 'ack':
        this.feed?.acknowledge(message.load);
        break;
      case 'refresh':
        void this.loadNow();
        break;
      case 'openReport':
        if (this.source.crash) void this.openReport(this.source.crash);
        break;
      case 'openSource':
        void openSource(message, this.extensionUri, this.panel?.viewColumn);
        break;
    }
  }

  private refreshSoon(): void {
    if (!this.panel?.visible || !this.ready) return;
    this.refreshTimer ??= setTimeout(
      () => {
        this.refreshTimer = undefined;
        // Starting over before a load is through would never show the end of a large trace.
        if (this.feed && !this.feed.done) this.refreshSoon();
        else void this.loadNow();
      },
      Math.max(REFRESH_MS, this.loadMs * REFRESH_SHARE),
    );
  }

  private async loadNow(): Promise<void> {
    const load = ++this.loads;
    const started = performance.now();
    try {
      const data = await this.source.load();
      if (load !== this.loads) return;
      this.loadMs = performance.now() - started;
      if (data === null && this.source.crash !== null) this.none(load, 'No recording', NO_RECORDING, false);
      else if (data === null) this.none(load, 'Nothing recorded yet', RUN_HINT, false);
      else {
        this.feed = new TraceFeed(load, data, (message) => this.post(message));
        this.feed.start();
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.log.error(`The trace panel could not load: ${reason}`);
      this.none(load, reason, 'Run the script again to record a new trace, or refresh.', true);
    }
  }

  private none(load: number, message: string, hint: string, failed: boolean): void {
    this.feed = undefined;
    this.post({ type: 'trace/none', load, message, hint, failed });
    this.post({ type: 'crash', load, report: this.source.crash });
  }

  private post(message: ToPanel): void {
    void this.panel?.webview.postMessage(message);
  }
}

const NO_RECORDING = 'Of this crash no recording was kept. The report above is all there is.';

const RUN_HINT =
  'Open a Conductor script and run it: “Symphony: Run Conductor Script” in the command palette.';

function page(webview: vscode.Webview, dist: vscode.Uri): string {
  const file = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(dist, name)).toString();
  return tracePage({
    script: file('webview.js'),
    style: file('webview.css'),
    cspSource: webview.cspSource,
    nonce: randomBytes(16).toString('base64'),
  });
}
