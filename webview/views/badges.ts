/**
 * Small marks that all views share: languages, directions, links into the source.
 *
 * Must not know: where they are shown.
 */
import type { SourceSite } from '../../extension/protocol/trace/model';
import { h } from '../dom';
import { post } from '../host';
import { FULL_LANGUAGES, formatSite, SHORT_LANGUAGES } from '../model/format';

/** A language's short name in its colour; `lang` is an index into `LANGUAGES`. */
export function languageBadge(lang: number): HTMLElement {
  return h(
    'span',
    { class: `language language-${lang}`, title: FULL_LANGUAGES[lang] },
    SHORT_LANGUAGES[lang],
  );
}

/** `TS → Py` in the languages' colours. */
export function directionBadge(from: number, to: number): HTMLElement {
  return h(
    'span',
    { class: 'direction', title: `${FULL_LANGUAGES[from]} calls ${FULL_LANGUAGES[to]}` },
    h('span', { class: `language language-${from}` }, SHORT_LANGUAGES[from]),
    h('span', { class: 'arrow', 'aria-hidden': true }, '→'),
    h('span', { class: `language language-${to}` }, SHORT_LANGUAGES[to]),
  );
}

/** A link that opens a line of source. */
export function sourceLink(site: SourceSite & { column?: number }, text = formatSite(site)): HTMLElement {
  const open = (event: Event) => {
    event.preventDefault();
    event.stopPropagation();
    const { file, line, column } = site;
    post({ type: 'openSource', file, line, ...(column === undefined ? {} : { column }) });
  };
  return h('a', { class: 'source', href: '#', title: `${site.file}:${site.line}`, click: open }, text);
}

/** What stands where there is nothing, and what to do next. */
export function emptyState(title: string, hint: string, failed = false): HTMLElement {
  return h(
    'div',
    { class: failed ? 'empty failed' : 'empty', role: 'status' },
    h('div', { class: 'empty-title' }, title),
    h('div', { class: 'empty-hint' }, hint),
  );
}
