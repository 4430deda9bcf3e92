/**
 * The Errors tab: each error with its joined stack, every frame a link, and the members of a group as a tree.
 *
 * Must not know: where errors come from.
 */
import { formatDuration } from '../../extension/protocol/duration';
import type { JoinedFrame } from '../../extension/protocol/joinedFrame';
import type { PanelError } from '../../extension/protocol/panelMessages';
import { LANGUAGES } from '../../extension/protocol/trace/model';
import { fill, h } from '../dom';
import type { TraceStore } from '../model/store';
import { emptyState, languageBadge, sourceLink } from './badges';
import { icon } from './icons';

/** More cards than this are not read; the newest are shown. */
const MOST = 200;
const MOST_MEMBERS = 50;

export class ErrorsView {
  readonly element = h('div', { class: 'view errors' });

  constructor(
    private readonly store: TraceStore,
    private readonly showSpan: (span: number) => void,
  ) {
    store.subscribe((event) => {
      if (event === 'errors' || event === 'loaded') this.show();
    });
  }

  private show(): void {
    const { errors, none } = this.store;
    if (errors.length === 0) {
      const clean = emptyState(
        'No errors',
        'When a call fails, its stack shows here in one piece: TypeScript, Python and Rust.',
      );
      fill(this.element, none ? emptyState(none.message, none.hint, none.failed) : clean);
      return;
    }
    const hidden = errors.length - MOST;
    fill(
      this.element,
      h(
        'ol',
        { class: 'error-list', 'aria-label': 'Errors' },
        ...errors.slice(-MOST).map((error) => h('li', {}, this.card(error))),
      ),
      hidden > 0 ? h('div', { class: 'dim more' }, `${hidden} earlier errors are not shown.`) : null,
    );
  }

  private card(error: PanelError): HTMLElement {
    return h('article', { class: 'error-card' }, this.heading(error), ...story(error));
  }

  private heading(error: PanelError): HTMLElement {
    const span = error.span;
    const time = error.atNs === null ? null : `at ${formatDuration(error.atNs)}`;
    return h(
      'header',
      {},
      icon('error'),
      h(
        'div',
        { class: 'error-head' },
        h('div', {}, h('strong', { class: 'error-type' }, error.type), h('span', {}, ` ${error.message}`)),
        h(
          'div',
          { class: 'dim error-facts' },
          error.code ? h('code', {}, error.code) : null,
          time,
          span === null
            ? null
            : h('button', { class: 'link', click: () => this.showSpan(span) }, 'Show in timeline'),
        ),
      ),
    );
  }
}

/** What follows an error's name: the next step, notes, frames, causes, members. */
function story(error: PanelError): (HTMLElement | null)[] {
  return [
    error.hint
      ? h('div', { class: 'hint' }, h('span', { class: 'hint-word' }, 'Next step'), error.hint)
      : null,
    ...error.notes.map((note) => h('div', { class: 'note' }, note)),
    frames(error.frames),
    ...causes(error),
    members(error),
  ];
}

function causes(error: PanelError): HTMLElement[] {
  const parts: HTMLElement[] = [];
  for (let cause = error.cause; cause && parts.length < 20; cause = cause.cause) {
    parts.push(
      h(
        'div',
        { class: 'cause' },
        h(
          'div',
          {},
          h('span', { class: 'dim' }, 'caused by '),
          h('strong', {}, cause.type),
          ` ${cause.message}`,
        ),
        frames(cause.frames),
        members(cause),
      ),
    );
  }
  return parts;
}

/** The members of a group, groups among them, each with a story of its own that can be folded away. */
function members({ members: list }: PanelError): HTMLElement | null {
  if (list.length === 0) return null;
  const hidden = list.length - MOST_MEMBERS;
  return h(
    'ol',
    { class: 'members', 'aria-label': 'Members of the group' },
    ...list
      .slice(0, MOST_MEMBERS)
      .map((member, index) =>
        h(
          'li',
          {},
          h(
            'details',
            { open: true },
            h(
              'summary',
              {},
              h('span', { class: 'dim' }, `${index + 1} of ${list.length} `),
              h('strong', { class: 'error-type' }, member.type),
              ` ${member.message} `,
              member.code ? h('code', { class: 'dim' }, member.code) : null,
            ),
            ...story(member),
          ),
        ),
      ),
    hidden > 0 ? h('li', { class: 'dim more' }, `${hidden} more are not shown.`) : null,
  );
}

/** The frames in call order, a badge where the language changes. */
function frames(list: readonly JoinedFrame[]): HTMLElement | null {
  if (list.length === 0) return null;
  const rows = list.map((frame, index) => {
    const lang = LANGUAGES.indexOf(frame.language);
    const changed = index === 0 || list[index - 1].language !== frame.language;
    return h(
      'li',
      { class: `frame frame-${lang}${index === list.length - 1 ? ' innermost' : ''}` },
      h('span', { class: changed ? 'frame-language' : 'frame-language same' }, languageBadge(lang)),
      h('span', { class: 'frame-function' }, frame.function),
      sourceLink(frame),
      h('span', { class: 'frame-folder' }, frame.file.slice(0, frame.file.lastIndexOf('/') + 1)),
    );
  });
  return h('ol', { class: 'frames', 'aria-label': 'Stack, outermost call first' }, ...rows);
}
