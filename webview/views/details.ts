/**
 * Everything about the selected span.
 *
 * Must not know: how it was selected.
 */
import { formatDuration } from '../../extension/protocol/duration';
import { fill, h } from '../dom';
import { formatTimeIn, plural } from '../model/format';
import type { TraceStore } from '../model/store';
import { directionBadge, emptyState, sourceLink } from './badges';

const MOST_CHILDREN = 200;
const LISTED_CHILDREN = 12;

export class Details {
  readonly element = h('section', { class: 'details', 'aria-label': 'Selected call' });

  constructor(private readonly store: TraceStore) {}

  show(): void {
    const row = this.store.selected;
    if (row < 0) {
      fill(
        this.element,
        emptyState('No call selected', 'Click a span or a row; its source opens and its callers light up.'),
      );
      return;
    }
    const failure = this.store.failures.get(row);
    fill(
      this.element,
      h(
        'div',
        { class: 'details-title' },
        directionBadge(this.store.columns.from[row], this.store.columns.lang[row]),
        h('strong', {}, this.store.nameOf(row).name || '(unnamed)'),
      ),
      failure === undefined ? null : h('div', { class: 'error-text' }, failure),
      this.facts(row),
      this.family('Called from', this.ancestors(row)),
      this.calls(row),
    );
  }

  private facts(row: number): HTMLElement {
    const { store } = this;
    const { start, enqueued } = store.columns;
    const { caller, callee } = store.nameOf(row);
    const list = h('dl', { class: 'facts' });
    const add = (term: string, value: Node | string, number = false) =>
      list.append(h('dt', {}, term), h('dd', { class: number ? 'fact number' : 'fact' }, value));
    const duration = store.endOf(row) - start[row];
    add(
      'Duration',
      store.isOpen(row) ? `still open after ${formatDuration(duration)}` : formatDuration(duration),
      true,
    );
    add('Self', formatDuration(duration - this.inChildren(row)), true);
    if (!Number.isNaN(enqueued[row])) add('Waited', formatDuration(start[row] - enqueued[row]), true);
    add('Start', formatTimeIn(start[row], store.duration, Math.max(1, store.duration / 1e6)), true);
    add('Thread', store.threadOf(row));
    if (caller) add('Called at', sourceLink(caller));
    if (callee) add('Defined at', sourceLink(callee));
    return list;
  }

  private ancestors(row: number): number[] {
    const rows: number[] = [];
    const { parent } = this.store.columns;
    for (let at = parent[row]; at >= 0; at = parent[at]) rows.push(at);
    return rows;
  }

  private calls(row: number): HTMLElement | null {
    const children = this.store.childrenOf(row, MOST_CHILDREN);
    const more =
      children.length === MOST_CHILDREN ? `${MOST_CHILDREN} or more calls` : plural(children.length, 'call');
    return this.family(children.length > LISTED_CHILDREN ? `Calls (first of ${more})` : 'Calls', children);
  }

  private family(title: string, rows: number[]): HTMLElement | null {
    if (rows.length === 0) return null;
    const items = rows.slice(0, LISTED_CHILDREN).map((row) => {
      const select = () => this.store.select(row);
      const duration = this.store.isOpen(row)
        ? 'open'
        : formatDuration(this.store.endOf(row) - this.store.columns.start[row]);
      return h(
        'li',
        {},
        h(
          'button',
          { class: 'family', click: select },
          directionBadge(this.store.columns.from[row], this.store.columns.lang[row]),
          h('span', { class: 'family-name' }, this.store.nameOf(row).name || '(unnamed)'),
          h('span', { class: 'number dim' }, duration),
        ),
      );
    });
    return h('div', {}, h('h3', {}, title), h('ul', {}, ...items));
  }

  /** Time during which at least one child ran; children may overlap and outlive their parent. */
  private inChildren(row: number): number {
    const end = this.store.endOf(row);
    let covered = 0;
    let reached = this.store.columns.start[row];
    for (const child of this.store.childrenOf(row, 100_000)) {
      const from = Math.max(reached, this.store.columns.start[child]);
      const to = Math.min(end, this.store.endOf(child));
      if (to > from) {
        covered += to - from;
        reached = to;
      }
    }
    return covered;
  }
}
