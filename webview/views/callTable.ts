/**
 * The calls as a table: the timeline's accessible twin.
 *
 * Must not know: the timeline.
 */
import { formatDuration } from '../../extension/protocol/duration';
import { h, setText } from '../dom';
import { formatSite, formatTimeIn } from '../model/format';
import type { TraceStore } from '../model/store';
import { directionBadge } from './badges';
import { type Column, fillCell, type TableActions, VirtualTable } from './virtualTable';

export function callTable(store: TraceStore, actions: TableActions): VirtualTable {
  const list: Column[] = [
    {
      key: 'start',
      title: 'Time',
      width: '92px',
      align: 'right',
      sortable: true,
      render: (cell, row) =>
        setText(cell, formatTimeIn(store.columns.start[row], store.duration, timeStep(store))),
    },
    {
      key: 'duration',
      title: 'Duration',
      width: '84px',
      align: 'right',
      sortable: true,
      render(cell, row) {
        const duration = store.endOf(row) - store.columns.start[row];
        setText(cell, store.isOpen(row) ? '…' : formatDuration(duration));
        cell.style.setProperty('--share', String(share(duration, store.duration)));
      },
    },
    {
      key: 'direction',
      title: 'Direction',
      width: '84px',
      sortable: true,
      render(cell, row) {
        const { from, lang } = store.columns;
        fillCell(cell, `${from[row]}>${lang[row]}`, () => [directionBadge(from[row], lang[row])]);
      },
    },
    {
      key: 'name',
      title: 'Name',
      width: 'minmax(120px, 2fr)',
      sortable: true,
      render: (cell, row) => setText(cell, store.nameOf(row).name || '(unnamed)'),
    },
    {
      key: 'source',
      title: 'Source',
      width: 'minmax(100px, 1.2fr)',
      render(cell, row) {
        const source = store.sourceOf(row);
        setText(cell, source ? formatSite(source) : '');
        cell.title = source ? `${source.file}:${source.line}` : '';
      },
    },
    {
      key: 'thread',
      title: 'Thread',
      width: 'minmax(80px, 0.8fr)',
      sortable: true,
      render: (cell, row) => setText(cell, store.threadOf(row)),
    },
    {
      key: 'status',
      title: 'Status',
      width: '72px',
      sortable: true,
      render(cell, row) {
        const failure = store.failures.get(row);
        const status = failure !== undefined ? 'error' : store.isOpen(row) ? 'open' : 'ok';
        fillCell(cell, status, () => [h('span', { class: `status ${status}` }, status)]);
        cell.title = failure ?? '';
      },
    },
  ];
  return new VirtualTable('Calls', list, actions);
}

/** All times of the table show the same precision: some millionth of the trace, at least a nanosecond. */
function timeStep(store: TraceStore): number {
  return Math.max(1, store.duration / 1e6);
}

/** Length of the bar behind a duration: by magnitude, from 100 ns to the whole trace. */
function share(duration: number, whole: number): number {
  const low = Math.log10(100);
  const high = Math.max(Math.log10(Math.max(whole, 1)), low + 1);
  const value = (Math.log10(Math.max(duration, 1)) - low) / (high - low);
  return Math.round(Math.max(0, Math.min(1, value)) * 1000) / 1000;
}
