/**
 * The line at the top: which run, and its figures.
 *
 * Must not know: how the figures are made.
 */

import { formatDuration } from '../../extension/protocol/duration';
import { LANGUAGES } from '../../extension/protocol/trace/model';
import { fill, h } from '../dom';
import { formatCount, formatDirection } from '../model/format';
import type { TraceStore } from '../model/store';
import { icon } from './icons';

export class Header {
  readonly element: HTMLElement;
  private readonly title = h('h1', {});
  private readonly state = h('span', { class: 'run-state' });
  private readonly figures = h('dl', { class: 'figures', 'aria-label': 'Summary' });

  constructor(
    private readonly store: TraceStore,
    refresh: () => void,
  ) {
    const button = h(
      'vscode-button',
      { appearance: 'icon', 'aria-label': 'Refresh', title: 'Refresh', click: refresh },
      icon('refresh'),
    );
    this.element = h('header', { class: 'header' }, this.title, this.state, this.figures, button);
    store.subscribe((event) => {
      if (event !== 'selected') this.show();
    });
  }

  private show(): void {
    const { trace } = this.store;
    this.title.textContent = trace?.title ?? 'Symphony Trace';
    this.title.title = trace ? `Recorded ${new Date(trace.openedWallMs).toLocaleString()}` : '';
    fill(this.state, trace?.live ? h('span', { class: 'recording' }, 'recording') : null);
    if (!trace) return fill(this.figures);
    const { summary } = trace;
    const leaks = this.store.handles.filter((handle) => handle.state === 'leak').length;
    const errors = this.store.errors.length;
    fill(
      this.figures,
      figure('Crossings', formatCount(summary.crossings), '', directionsText(this.store)),
      figure('p50', formatDuration(summary.p50Ns)),
      figure('Duration', formatDuration(summary.durationNs)),
      figure('Errors', formatCount(errors), errors > 0 ? 'bad' : ''),
      figure('Leaks', formatCount(leaks), leaks > 0 ? 'warn' : ''),
      figure(
        'Dropped',
        formatCount(summary.dropped),
        summary.dropped > 0 ? 'warn' : '',
        lossText(this.store),
      ),
    );
  }
}

function figure(term: string, value: string, tone = '', title = ''): HTMLElement {
  return h('div', { class: `figure ${tone}`, title }, h('dt', {}, term), h('dd', { class: 'number' }, value));
}

function directionsText(store: TraceStore): string {
  return store
    .trace!.summary.directions.map(({ from, to, count, p50Ns, p99Ns, totalNs }) => {
      const direction = formatDirection(LANGUAGES.indexOf(from), LANGUAGES.indexOf(to));
      const times = `p50 ${formatDuration(p50Ns)}, p99 ${formatDuration(p99Ns)}, total ${formatDuration(totalNs)}`;
      return `${direction}: ${formatCount(count)}, ${times}`;
    })
    .join('\n');
}

function lossText(store: TraceStore): string {
  const { loss } = store.trace!.summary;
  const parts = [
    [loss.overwritten, 'events overwritten by newer ones (each thread keeps its most recent)'],
    [loss.noRing, 'events of threads that found no free ring'],
    [loss.names, 'names that found no room'],
    [loss.damaged, 'events that could not be understood'],
  ] as const;
  const lost = parts.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`);
  return lost.length > 0 ? lost.join('\n') : 'Nothing was dropped.';
}
