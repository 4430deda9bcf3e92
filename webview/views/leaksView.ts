/**
 * The Leaks tab: live handles by the line that made them; leaks first.
 *
 * Must not know: how handles are counted.
 */
import { formatDuration } from '../../extension/protocol/duration';
import type { HandleState } from '../../extension/protocol/panelMessages';
import { fill, h } from '../dom';
import { post } from '../host';
import { formatCount, plural } from '../model/format';
import { groupHandles, type HandleGroup } from '../model/leakGroups';
import type { TraceStore } from '../model/store';
import { emptyState, sourceLink } from './badges';

const SECTIONS: Record<HandleState, { title: string; about: string }> = {
  leak: { title: 'Leaks', about: 'outlived the run or scope that made them' },
  live: { title: 'In use', about: 'their run goes on' },
  'long-lived': { title: 'Long-lived', about: 'meant to stay: imports, exposed functions, keep(reason)' },
};
/** Rows per section; more lines than this are not read. */
const MOST = 300;

export class LeaksView {
  readonly element = h('div', { class: 'view leaks' });

  constructor(
    private readonly store: TraceStore,
    private readonly showSpan: (span: number) => void,
  ) {
    store.subscribe((event) => {
      if (event === 'handles' || event === 'loaded') this.show();
    });
  }

  private show(): void {
    const { handles, none } = this.store;
    if (none) return fill(this.element, emptyState(none.message, none.hint, none.failed));
    const groups = groupHandles(handles);
    const leaks = groups.some((group) => group.state === 'leak');
    fill(
      this.element,
      leaks
        ? null
        : h(
            'div',
            { class: 'all-clear', role: 'status' },
            h('span', { class: 'status ok' }, 'No leaks'),
            h(
              'span',
              { class: 'dim' },
              'Handles that outlive their run show here, with the line that made them.',
            ),
          ),
      ...(Object.keys(SECTIONS) as HandleState[]).map((state) =>
        this.section(
          state,
          groups.filter((group) => group.state === state),
        ),
      ),
    );
  }

  private section(state: HandleState, groups: HandleGroup[]): HTMLElement | null {
    if (groups.length === 0) return null;
    const { title, about } = SECTIONS[state];
    const total = groups.reduce((sum, group) => sum + group.count, 0);
    const heads = ['Count', 'Kind', 'Name', 'Made at', 'Age', 'Why'];
    return h(
      'section',
      { class: `handles handles-${state}` },
      h('h2', {}, title, h('span', { class: 'dim' }, `${plural(total, 'handle')} · ${about}`)),
      h(
        'table',
        { 'aria-label': title },
        h('thead', {}, h('tr', {}, ...heads.map((head) => h('th', { scope: 'col' }, head)))),
        h('tbody', {}, ...groups.slice(0, MOST).map((group) => this.row(group))),
      ),
      groups.length > MOST ? h('div', { class: 'dim more' }, `${groups.length - MOST} more lines`) : null,
    );
  }

  private row({ handle, count, names }: HandleGroup): HTMLElement {
    const { site, span } = handle;
    const open = () => site && post({ type: 'openSource', ...site });
    const others = names.length > 1 ? ` and ${plural(names.length - 1, 'other')}` : '';
    return h(
      'tr',
      { class: site ? 'clickable' : '', click: open },
      h('td', { class: 'number' }, formatCount(count)),
      h('td', {}, h('span', { class: `kind kind-${handle.kind}` }, handle.kind)),
      h('td', { class: 'handle-name', title: names.slice(0, 20).join('\n') }, `${handle.name}${others}`),
      h('td', {}, site ? sourceLink(site) : h('span', { class: 'dim' }, 'not known')),
      h('td', { class: 'number' }, formatDuration(handle.ageNs)),
      h(
        'td',
        { class: 'reason' },
        `${handle.reason}  `,
        span === null
          ? null
          : h(
              'button',
              {
                class: 'link',
                click: (event: Event) => {
                  event.stopPropagation();
                  this.showSpan(span);
                },
              },
              'Show call',
            ),
      ),
    );
  }
}
