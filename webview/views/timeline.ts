/**
 * The timeline: canvas, scrolling, hover, selection, and what assistive technology hears.
 *
 * Must not know: messages; opening a source is the caller's.
 */
import { formatDuration } from '../../extension/protocol/duration';
import { h } from '../dom';
import { rowAt, type Times } from '../model/detail';
import { formatDirection } from '../model/format';
import { type Geometry, GUTTER, placeLanes, ROW, RULER } from '../model/geometry';
import { type Layout, layOut } from '../model/lanes';
import type { TraceStore } from '../model/store';
import { TimeWindow } from '../model/timeWindow';
import { onThemeChange, palette } from '../palette';
import { fitCanvas } from './canvas';
import { OVERVIEW_HEIGHT, Overview } from './overview';
import { listenToTimeline } from './timelineInput';
import { paintTimeline } from './timelinePaint';
import { Tooltip } from './tooltip';

const LABEL =
  'Timeline of calls. W and S zoom, A and D pan, arrow keys go to the neighbouring, calling and called span, ' +
  'Enter opens the source, F fits the selection, Home shows everything. The table below lists the same calls.';

export class Timeline {
  readonly element: HTMLElement;
  readonly window = new TimeWindow();
  private readonly canvas = h('canvas', {
    class: 'timeline-canvas',
    tabindex: 0,
    role: 'application',
    'aria-label': LABEL,
    'aria-roledescription': 'timeline',
  });
  private readonly spacer = h('div', { class: 'timeline-spacer' });
  private readonly scroller: HTMLElement;
  private readonly live = h('div', { class: 'visually-hidden', 'aria-live': 'polite' });
  private readonly tooltip = new Tooltip();
  private readonly overview: Overview;
  private readonly times: Times;
  private layout: Layout;
  private geometry: Geometry;
  private matching: Uint8Array | null = null;
  private hovered = -1;
  private frame = 0;

  constructor(
    readonly store: TraceStore,
    private readonly actions: { open(row: number): void; windowChanged(): void },
  ) {
    const { columns } = store;
    this.layout = layOut(columns, 0, () => 0);
    this.geometry = placeLanes(this.layout);
    this.times = { start: (row) => store.columns.start[row], end: (row) => store.endOf(row) };
    this.overview = new Overview(store, this.window, () => this.moved());
    this.scroller = h('div', { class: 'timeline-scroll' }, this.canvas, this.spacer);
    this.element = h(
      'div',
      { class: 'timeline' },
      this.overview.element,
      this.scroller,
      this.tooltip.element,
      this.live,
    );
    this.scroller.addEventListener('scroll', () => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(this.element);
    onThemeChange(() => this.redraw());
    for (const event of ['focus', 'blur']) this.canvas.addEventListener(event, () => this.redraw());
    listenToTimeline(this.canvas, this.scroller, this);
  }

  /** Takes the store's new trace; keeps the visible part unless all was visible. */
  load(): void {
    const { store } = this;
    this.layout = layOut(store.columns, store.count, this.times.end);
    this.geometry = placeLanes(this.layout);
    this.window.setDuration(store.duration);
    this.overview.invalidate();
    this.hover(-1, 0, 0);
    this.redraw();
  }

  /** Rows the filter lets through; null = all. */
  setMatching(matching: Uint8Array | null): void {
    this.matching = matching;
    this.redraw();
  }

  /** Draws the selection and scrolls to it. */
  showSelection(): void {
    const row = this.store.selected;
    if (row >= 0) {
      this.window.bringIntoView(this.times.start(row), this.times.end(row));
      const top = this.geometry.topOf(row);
      const visible = this.scroller.clientHeight;
      if (top - RULER < this.scroller.scrollTop) this.scroller.scrollTop = top - RULER - ROW;
      else if (top + ROW > this.scroller.scrollTop + visible)
        this.scroller.scrollTop = top + 2 * ROW - visible;
      this.announce(row);
    }
    this.moved();
  }

  /** The span at a point of the canvas, -1 = none. */
  hit(x: number, y: number): number {
    const place = this.geometry.trackAt(y + this.scroller.scrollTop);
    if (x < GUTTER || y < RULER || !place) return -1;
    const tolerance = (3 / this.window.width) * this.window.span;
    return rowAt(place.track.rows, this.times, this.window.timeAt(x - GUTTER), tolerance);
  }

  hover(row: number, x: number, y: number): void {
    if (row !== this.hovered) {
      this.hovered = row;
      this.canvas.style.cursor = row >= 0 ? 'pointer' : '';
      this.redraw();
    }
    if (row < 0) this.tooltip.hide();
    else this.tooltip.show(this.store, row, x, y + OVERVIEW_HEIGHT, this.element);
  }

  select(row: number): void {
    this.store.select(row);
  }

  open(row: number): void {
    this.actions.open(row);
  }

  get selected(): number {
    return this.store.selected;
  }

  /** The span an arrow key leads to from the selected one; -1 = nowhere. */
  neighbour(direction: 'previous' | 'next' | 'caller' | 'callee'): number {
    const row = this.store.selected;
    if (row < 0) return this.firstVisible();
    if (direction === 'caller') return Math.max(this.store.columns.parent[row], -1);
    if (direction === 'callee') return this.store.childrenOf(row, 1)[0] ?? -1;
    const { rows } = this.layout.lanes[this.layout.laneOf[row]].tracks[this.layout.depthOf[row]];
    const index = rows.indexOf(row) + (direction === 'next' ? 1 : -1);
    return rows[index] ?? -1;
  }

  fitSelection(): void {
    const row = this.store.selected;
    if (row < 0) return this.showAll();
    const start = this.times.start(row);
    const room = (this.times.end(row) - start) * 0.15;
    this.window.show(start - room, this.times.end(row) + room);
    this.moved();
  }

  showAll(): void {
    this.window.showAll();
    this.moved();
  }

  scrollBy(pixels: number): void {
    this.scroller.scrollTop += pixels;
  }

  /** The visible part changed. */
  moved(): void {
    this.actions.windowChanged();
    this.redraw();
  }

  private firstVisible(): number {
    const { store, window } = this;
    for (let row = 0; row < store.count; row++) {
      if (this.times.end(row) >= window.start) return row;
    }
    return -1;
  }

  private announce(row: number): void {
    const { columns } = this.store;
    const failure = this.store.failures.get(row);
    const duration = this.store.isOpen(row)
      ? 'still open'
      : formatDuration(this.times.end(row) - this.times.start(row));
    this.live.textContent = [
      this.store.nameOf(row).name,
      formatDirection(columns.from[row], columns.lang[row]),
      duration,
      `at ${formatDuration(columns.start[row])}`,
      `thread ${this.store.threadOf(row)}`,
      failure ? `error: ${failure}` : '',
    ]
      .filter(Boolean)
      .join(', ');
  }

  private redraw(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.frame = 0;
    const width = this.scroller.clientWidth;
    const height = this.scroller.clientHeight;
    if (width <= GUTTER || height === 0 || !this.store.trace) return;
    this.window.width = width - GUTTER;
    this.spacer.style.height = `${Math.max(0, this.geometry.height - height)}px`;
    this.overview.paint(width);
    paintTimeline(fitCanvas(this.canvas, width, height), {
      store: this.store,
      geometry: this.geometry,
      window: this.window,
      times: this.times,
      palette: palette(),
      matching: this.matching,
      hovered: this.hovered,
      top: this.scroller.scrollTop,
      width,
      height,
      focused: document.activeElement === this.canvas && this.canvas.matches(':focus-visible'),
    });
  }
}
