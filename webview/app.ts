/**
 * Puts the panel together: header, tabs, views; takes messages in.
 *
 * Must not know: how views draw, how messages travel.
 */
import type { PanelTab, ToPanel } from '../extension/protocol/panelMessages';
import { h } from './dom';
import { onMessage, post, remember, remembered } from './host';
import { formatCount } from './model/format';
import { TraceStore } from './model/store';
import { CallsView } from './views/callsView';
import { CrashView } from './views/crashView';
import { ErrorsView } from './views/errorsView';
import { Header } from './views/header';
import { LeaksView } from './views/leaksView';

export class App {
  private readonly store = new TraceStore();
  private readonly panels = h('vscode-panels', { 'aria-label': 'Trace' });
  private readonly calls = new CallsView(this.store);
  private readonly badges: Record<PanelTab, HTMLElement>;

  constructor(root: HTMLElement) {
    const showSpan = (span: number) => this.reveal(span);
    const header = new Header(this.store, () => post({ type: 'refresh' }));
    const crash = new CrashView(this.store, () => post({ type: 'openReport' }));
    const errors = new ErrorsView(this.store, showSpan);
    const leaks = new LeaksView(this.store, showSpan);
    this.badges = {
      calls: this.addTab('calls', 'Calls', this.calls.element),
      errors: this.addTab('errors', 'Errors', errors.element),
      leaks: this.addTab('leaks', 'Leaks', leaks.element),
    };
    this.panels.setAttribute('activeid', `tab-${remembered().tab}`);
    this.panels.addEventListener('change', () => this.tabChanged());
    root.append(header.element, crash.element, this.panels);
    this.store.subscribe((event) => {
      if (event !== 'selected') this.count();
    });
    onMessage((message) => this.receive(message));
    window.addEventListener('keydown', (event) => this.pressed(event));
    post({ type: 'ready' });
  }

  private receive(message: ToPanel): void {
    const taken = this.store.receive(message);
    if (taken && message.type === 'trace/chunk') {
      post({ type: 'ack', load: message.load, row: message.chunk.row });
    }
  }

  /** Selects a span, by id, and brings it into view. */
  private reveal(span: number): void {
    const row = this.store.rowOf(span);
    if (row < 0) return;
    this.show('calls');
    this.store.select(row);
  }

  private show(tab: PanelTab): void {
    this.panels.setAttribute('activeid', `tab-${tab}`);
    remember({ tab });
  }

  private tabChanged(): void {
    const active = this.panels.getAttribute('activeid') ?? (this.panels as { activeid?: string }).activeid;
    const tab = active?.slice('tab-'.length);
    if (tab === 'calls' || tab === 'errors' || tab === 'leaks') remember({ tab });
  }

  private count(): void {
    const { store } = this;
    const counts: Record<PanelTab, number> = {
      calls: store.count,
      errors: store.errors.length,
      leaks: store.handles.filter((handle) => handle.state === 'leak').length,
    };
    for (const [tab, badge] of Object.entries(this.badges)) {
      const count = counts[tab as PanelTab];
      badge.textContent = formatCount(count);
      badge.hidden = count === 0;
    }
  }

  private addTab(id: PanelTab, title: string, view: HTMLElement): HTMLElement {
    const badge = h('span', { class: `tab-badge badge-${id}`, hidden: true });
    this.panels.append(
      h('vscode-panel-tab', { id: `tab-${id}` }, title, badge),
      h('vscode-panel-view', { id: `view-${id}` }, view),
    );
    return badge;
  }

  private pressed(event: KeyboardEvent): void {
    if ((event.ctrlKey || event.metaKey) && event.key === 'f') {
      event.preventDefault();
      this.show('calls');
      this.calls.focusFilter();
    }
  }
}
