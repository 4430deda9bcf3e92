/**
 * The report of a crash, above the trace that it ended: what happened, what was under way, where Python's threads were.
 *
 * Must not know: how crashes are found.
 */
import type { CrashCrossing, CrashReport, CrashStack } from '../../extension/protocol/crashReport';
import { formatDuration } from '../../extension/protocol/duration';
import type { JoinedFrame } from '../../extension/protocol/joinedFrame';
import { LANGUAGES } from '../../extension/protocol/trace/model';
import { fill, h } from '../dom';
import type { TraceStore } from '../model/store';
import { directionBadge, sourceLink } from './badges';
import { icon } from './icons';

export class CrashView {
  readonly element = h('section', { class: 'crash', 'aria-label': 'Crash report', hidden: true });
  private shown = '';

  constructor(
    private readonly store: TraceStore,
    private readonly openReport: () => void,
  ) {
    store.subscribe((event) => {
      if (event === 'crash') this.show();
    });
  }

  private show(): void {
    const { crash } = this.store;
    this.element.hidden = crash === null;
    if (crash === null) return this.clear();
    // What a person has folded stays so when the trace is read again.
    if (this.shown === crash.id) return;
    this.shown = crash.id;
    const body = h(
      'div',
      { class: 'crash-body' },
      facts(crash),
      underWay(crash),
      stacks(crash),
      recent(crash),
    );
    const fold = h('button', { class: 'link', 'aria-expanded': 'true' }, 'Hide');
    fold.addEventListener('click', () => {
      body.hidden = !body.hidden;
      fold.textContent = body.hidden ? 'Show' : 'Hide';
      fold.setAttribute('aria-expanded', String(!body.hidden));
    });
    fill(this.element, this.heading(crash, fold), body);
  }

  private clear(): void {
    this.shown = '';
    fill(this.element);
  }

  private heading({ what, meaning }: CrashReport, fold: HTMLElement): HTMLElement {
    return h(
      'header',
      {},
      icon('error'),
      h(
        'div',
        { class: 'crash-what', role: 'status' },
        h('strong', {}, what),
        meaning ? h('span', { class: 'dim' }, ` ${meaning}`) : null,
      ),
      h('button', { class: 'link', click: this.openReport }, 'Open as Text'),
      fold,
    );
  }
}

function facts(crash: CrashReport): HTMLElement {
  const { atMs, host, signal, exitCode, pid, interpreter, version, workspace } = crash;
  const ended = signal ?? (exitCode === null ? 'not known' : `exit code ${exitCode}`);
  const rows: [string, string][] = [
    ['Ended', ended],
    ['At', new Date(atMs).toLocaleString()],
    ['Host', `${host}, process ${pid}`],
    ['Python', `${version}, ${interpreter}`],
    ['Workspace', workspace],
  ];
  return h(
    'dl',
    { class: 'crash-facts' },
    ...rows.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', { title: value }, value))),
  );
}

function underWay({ crossings }: CrashReport): HTMLElement {
  if (crossings === null) return part('Under way', note('Nothing was recorded.'));
  const { underWay: calls } = crossings;
  if (calls.length === 0) return part('Under way', note('No call was under way.'));
  return part(
    'Under way',
    crossingList(calls, 'Calls under way', (call) => `begun ${formatDuration(call.agoNs)} before`),
  );
}

function stacks({ stacks: threads, host }: CrashReport): HTMLElement {
  if (threads.length === 0) {
    const why = host === 'embedded' ? 'They end with the extension host.' : 'None were printed.';
    return part('Stacks of Python', note(why));
  }
  return part('Stacks of Python', ...threads.map(threadStack));
}

function threadStack({ thread, faulting, frames }: CrashStack): HTMLElement {
  return h(
    'details',
    { open: faulting },
    h(
      'summary',
      {},
      h('span', { class: 'number' }, thread),
      faulting ? h('span', { class: 'crash-here' }, 'crashed here') : null,
      h('span', { class: 'dim' }, frames.length === 1 ? '1 frame' : `${frames.length} frames`),
    ),
    // The line that matters is the innermost one: it comes first, as far as the eye goes.
    h(
      'ol',
      { class: 'crash-frames', 'aria-label': 'Innermost call first' },
      ...frames.map(frameRow).reverse(),
    ),
  );
}

function frameRow(frame: JoinedFrame): HTMLElement {
  // What was compiled into Python has no file to open.
  const place = frame.file.startsWith('<')
    ? h('span', { class: 'dim number' }, `${frame.file}:${frame.line}`)
    : sourceLink(frame);
  return h('li', {}, h('span', { class: 'number' }, frame.function), place);
}

function recent({ crossings }: CrashReport): HTMLElement | null {
  if (crossings === null || crossings.recent.length === 0) return null;
  const newestFirst = [...crossings.recent].reverse();
  return h(
    'details',
    { class: 'crash-recent' },
    h(
      'summary',
      {},
      newestFirst.length === 1 ? 'The last crossing' : `The last ${newestFirst.length} crossings`,
    ),
    crossingList(newestFirst, 'Last crossings, the newest first', (call) => {
      const end = call.tookNs === null ? 'under way' : formatDuration(call.tookNs);
      return `${call.failed ? 'failed, ' : ''}${end}`;
    }),
  );
}

function crossingList(
  calls: readonly CrashCrossing[],
  label: string,
  tell: (call: CrashCrossing) => string,
): HTMLElement {
  const rows = calls.map((call) =>
    h(
      'li',
      {},
      directionBadge(LANGUAGES.indexOf(call.from), LANGUAGES.indexOf(call.to)),
      h('span', { class: 'number crash-name', title: call.name }, call.name),
      call.site ? sourceLink(call.site) : h('span', {}),
      h('span', { class: 'dim' }, call.thread),
      h('span', { class: 'dim number' }, tell(call)),
    ),
  );
  return h('ol', { class: 'crash-calls', 'aria-label': label }, ...rows);
}

function part(title: string, ...content: HTMLElement[]): HTMLElement {
  return h('div', { class: 'crash-part' }, h('h2', {}, title), ...content);
}

function note(text: string): HTMLElement {
  return h('div', { class: 'dim' }, text);
}
