/**
 * The Calls tab: filter, timeline, table, details; keeps them on the same selection.
 *
 * Must not know: how they draw.
 */

import { formatDuration } from '../../extension/protocol/duration';
import { LANGUAGES } from '../../extension/protocol/trace/model';
import { fill, h } from '../dom';
import { post, remember, remembered } from '../host';
import { filterRows } from '../model/filter';
import { formatCount, formatDirection } from '../model/format';
import type { TraceStore } from '../model/store';
import { emptyState } from './badges';
import { callTable } from './callTable';
import { Details } from './details';
import { splitter } from './splitter';
import { Timeline } from './timeline';
import type { VirtualTable } from './virtualTable';

const HINT = 'Wheel or W S zoom · drag or A D pan · ← → ↑ ↓ follow calls · F fit · Enter opens the source';

export class CallsView {
  readonly element: HTMLElement;
  private readonly timeline: Timeline;
  private readonly table: VirtualTable;
  private readonly details: Details;
  private readonly content: HTMLElement;
  private readonly empty = h('div', { class: 'fill' });
  private readonly count = h('span', { class: 'toolbar-count number', role: 'status' });
  private readonly filterField = h('vscode-text-field', {
    class: 'filter',
    placeholder: 'Filter: name, file, thread, py, error, open, >1ms',
    'aria-label': 'Filter calls',
  }) as HTMLInputElement;
  private readonly direction = h('vscode-dropdown', {
    class: 'direction-choice',
    'aria-label': 'Direction',
  }) as HTMLSelectElement;
  private filterTimer = 0;
  /** The direction that applies: the component tells its value only once its options have arrived. */
  private shownDirection = '';

  constructor(private readonly store: TraceStore) {
    const open = (row: number) => this.open(row);
    this.timeline = new Timeline(store, { open, windowChanged: () => this.rememberWindow() });
    this.table = callTable(store, {
      select: (row) => store.select(row),
      open,
      sort: (column) => this.sortBy(column),
    });
    this.details = new Details(store);
    const upper = h('div', { class: 'calls-timeline' }, this.timeline.element);
    const lower = h('div', { class: 'calls-lower' }, this.table.element, this.details.element);
    this.content = h('div', { class: 'calls-content' }, this.toolbar(), upper, splitter(upper), lower);
    this.element = h('div', { class: 'view calls' }, this.content, this.empty);
    store.subscribe((event) => {
      if (event === 'loaded') this.loaded();
      if (event === 'selected') this.selected();
    });
    this.details.show();
  }

  focusFilter(): void {
    this.filterField.focus();
  }

  private toolbar(): HTMLElement {
    this.filterField.addEventListener('input', () => {
      clearTimeout(this.filterTimer);
      this.filterTimer = window.setTimeout(() => this.filter(), 60);
    });
    this.filterField.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        this.filterField.value = '';
        this.filter();
      } else if (event.key === 'ArrowDown') this.table.element.focus();
    });
    this.direction.addEventListener('change', () => {
      this.shownDirection = this.direction.value;
      remember({ direction: this.shownDirection });
      this.filter();
    });
    return h(
      'div',
      { class: 'toolbar' },
      this.filterField,
      this.direction,
      this.count,
      h('span', { class: 'toolbar-hint dim', 'aria-hidden': true }, HINT),
    );
  }

  private loaded(): void {
    const { store } = this;
    const shown = store.count > 0;
    this.content.hidden = !shown;
    this.empty.hidden = shown;
    if (!shown) {
      fill(this.empty, this.nothing());
      return;
    }
    this.fillDirections();
    this.filterField.value = remembered().filter;
    this.timeline.load();
    const { window, selected } = remembered();
    if (window && window.end <= store.duration * 1.02) this.timeline.window.show(window.start, window.end);
    this.filter();
    if (store.selected < 0 && selected > 0) store.select(store.rowOf(selected));
    else this.selected(false);
  }

  private nothing(): HTMLElement {
    const { none, trace } = this.store;
    if (none) return emptyState(none.message, none.hint, none.failed);
    if (!trace) return emptyState('Loading…', 'Reading the trace.');
    return emptyState(
      'No calls recorded',
      'Run a Conductor script: “Symphony: Run Conductor Script” in the command palette.',
    );
  }

  private fillDirections(): void {
    const chosen = remembered().direction;
    const { crossings, directions } = this.store.trace!.summary;
    const options = directions.map(({ from, to, count, p50Ns }) => {
      const [source, target] = [LANGUAGES.indexOf(from), LANGUAGES.indexOf(to)];
      const text = `${formatDirection(source, target)} · ${formatCount(count)} · p50 ${formatDuration(p50Ns)}`;
      return h('vscode-option', { value: `${source}>${target}` }, text);
    });
    const all = h('vscode-option', { value: '' }, `All directions · ${formatCount(crossings)}`);
    fill(this.direction, all, ...options);
    const known = options.some((option) => option.getAttribute('value') === chosen);
    this.shownDirection = known ? chosen : '';
    // The component takes its value only after its options have arrived.
    requestAnimationFrame(() => {
      this.direction.value = this.shownDirection;
    });
  }

  private filter(): void {
    const { store } = this;
    const choice = { text: this.filterField.value, direction: this.shownDirection };
    const { sort } = remembered();
    remember({ filter: choice.text });
    const rows = filterRows(store, choice, sort);
    this.table.setSort(sort.column, sort.descending);
    this.table.setRows(rows);
    this.table.setCurrent(store.selected);
    const all = rows.length === store.count;
    let matching: Uint8Array | null = null;
    if (!all) {
      matching = new Uint8Array(store.count);
      for (const row of rows) matching[row] = 1;
    }
    this.timeline.setMatching(matching);
    const total = formatCount(store.count);
    this.count.textContent = all ? `${total} calls` : `${formatCount(rows.length)} of ${total} calls`;
  }

  private sortBy(column: string): void {
    const { sort } = remembered();
    const descending = sort.column === column ? !sort.descending : column === 'duration';
    remember({ sort: { column, descending } });
    this.filter();
  }

  private selected(scroll = true): void {
    const { store } = this;
    remember({ selected: store.selected >= 0 ? store.columns.id[store.selected] : 0 });
    this.table.setCurrent(store.selected);
    this.details.show();
    if (scroll) this.timeline.showSelection();
  }

  private open(row: number): void {
    const source = this.store.sourceOf(row);
    if (source) post({ type: 'openSource', ...source });
  }

  private rememberWindow(): void {
    const { window } = this.timeline;
    remember({ window: window.isAll ? null : { start: window.start, end: window.end } });
  }
}
