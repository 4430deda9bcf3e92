/**
 * What shows beside the mouse over a span.
 *
 * Must not know: the timeline's geometry.
 */
import { formatDuration } from '../../extension/protocol/duration';
import { fill, h } from '../dom';
import { formatSite } from '../model/format';
import type { TraceStore } from '../model/store';
import { directionBadge } from './badges';

export class Tooltip {
  readonly element = h('div', { class: 'tooltip', role: 'tooltip', hidden: true });
  private row = -1;

  /** Shows `row` beside the point, inside `box`. */
  show(store: TraceStore, row: number, x: number, y: number, box: HTMLElement): void {
    const { element } = this;
    if (row !== this.row || element.hidden) this.describe(store, row);
    element.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = element;
    const left = x + 14 + width > box.clientWidth ? x - width - 10 : x + 14;
    const top = y + 18 + height > box.clientHeight ? y - height - 8 : y + 18;
    element.style.transform = `translate(${Math.max(4, left)}px, ${top}px)`;
  }

  hide(): void {
    this.element.hidden = true;
    this.row = -1;
  }

  private describe(store: TraceStore, row: number): void {
    this.row = row;
    const { columns } = store;
    const start = columns.start[row];
    const sent = columns.enqueued[row];
    const source = store.sourceOf(row);
    const failure = store.failures.get(row);
    const duration = store.isOpen(row) ? 'still open' : formatDuration(columns.end[row] - start);
    fill(
      this.element,
      h(
        'div',
        { class: 'tooltip-title' },
        directionBadge(columns.from[row], columns.lang[row]),
        h('strong', {}, store.nameOf(row).name),
        h('span', { class: 'number' }, duration),
      ),
      failure ? h('div', { class: 'error-text' }, failure) : null,
      h(
        'div',
        { class: 'dim' },
        `at ${formatDuration(start)} on ${store.threadOf(row)}`,
        Number.isNaN(sent) ? '' : `, waited ${formatDuration(start - sent)}`,
      ),
      source ? h('div', { class: 'dim' }, `${formatSite(source)} – click to open`) : null,
    );
  }
}
