/**
 * The strip above the timeline: how busy each moment was, and which part is visible. Drag to move or choose a part.
 *
 * Must not know: lanes, messages.
 */
import { h } from '../dom';
import { GUTTER } from '../model/geometry';
import type { TraceStore } from '../model/store';
import type { TimeWindow } from '../model/timeWindow';
import { palette } from '../palette';
import { fitCanvas } from './canvas';

export const OVERVIEW_HEIGHT = 28;

export class Overview {
  readonly element = h('canvas', { class: 'overview', 'aria-hidden': true });
  /** Spans under way per column and language, as heights. */
  private busy: Float32Array[] = [];
  private width = 0;

  constructor(
    private readonly store: TraceStore,
    private readonly window: TimeWindow,
    changed: () => void,
  ) {
    this.listen(changed);
  }

  /** Counts anew; the next `paint` shows it. */
  invalidate(): void {
    this.width = 0;
  }

  paint(width: number): void {
    const context = fitCanvas(this.element, width, OVERVIEW_HEIGHT);
    const columns = Math.max(1, Math.floor(width - GUTTER));
    if (this.width !== columns) this.count(columns);
    const colours = palette();
    context.fillStyle = colours.background;
    context.fillRect(0, 0, width, OVERVIEW_HEIGHT);
    for (let x = 0; x < columns; x++) {
      let y = OVERVIEW_HEIGHT - 2;
      for (const [lang, heights] of this.busy.entries()) {
        if (heights[x] === 0) continue;
        const height = heights[x] * (OVERVIEW_HEIGHT - 4);
        context.fillStyle = colours.languages[lang].strong;
        context.globalAlpha = 0.75;
        context.fillRect(GUTTER + x, y - height, 1, height);
        y -= height;
      }
    }
    context.globalAlpha = 1;
    this.paintErrors(context, columns);
    this.paintWindow(context, columns);
    context.fillStyle = colours.line;
    context.fillRect(0, OVERVIEW_HEIGHT - 1, width, 1);
    context.fillRect(GUTTER - 1, 0, 1, OVERVIEW_HEIGHT);
    context.font = `10px ${colours.font}`;
    context.textBaseline = 'middle';
    context.fillStyle = colours.dim;
    context.fillText('Overview', 8, OVERVIEW_HEIGHT / 2);
  }

  private paintErrors(context: CanvasRenderingContext2D, columns: number): void {
    context.fillStyle = palette().error;
    const scale = columns / this.window.limit;
    for (const row of this.store.failures.keys()) {
      context.fillRect(GUTTER + this.store.columns.start[row] * scale - 1, 0, 2, OVERVIEW_HEIGHT - 1);
    }
  }

  private paintWindow(context: CanvasRenderingContext2D, columns: number): void {
    if (this.window.isAll) return;
    const { background, foreground, highContrast } = palette();
    const scale = columns / this.window.limit;
    const left = GUTTER + this.window.start * scale;
    const right = Math.max(GUTTER + this.window.end * scale, left + 2);
    context.globalAlpha = highContrast ? 0.7 : 0.6;
    context.fillStyle = background;
    context.fillRect(GUTTER, 0, left - GUTTER, OVERVIEW_HEIGHT);
    context.fillRect(right, 0, GUTTER + columns - right, OVERVIEW_HEIGHT);
    context.globalAlpha = 1;
    context.fillStyle = foreground;
    context.fillRect(left, 0, 1, OVERVIEW_HEIGHT);
    context.fillRect(right - 1, 0, 1, OVERVIEW_HEIGHT);
  }

  private count(columns: number): void {
    this.width = columns;
    const { store } = this;
    const scale = columns / this.window.limit;
    // Differences first, then running sums: a long span costs as much as a short one.
    const counts = [0, 1, 2, 3].map(() => new Float32Array(columns + 1));
    for (let row = 0; row < store.count; row++) {
      const from = Math.min(columns - 1, Math.floor(store.columns.start[row] * scale));
      const to = Math.min(columns, Math.floor(store.endOf(row) * scale) + 1);
      counts[store.columns.lang[row]][from]++;
      counts[store.columns.lang[row]][to]--;
    }
    let most = 1;
    const running = [0, 0, 0, 0];
    for (let x = 0; x < columns; x++) {
      for (let lang = 0; lang < 4; lang++) {
        running[lang] += counts[lang][x];
        counts[lang][x] = running[lang];
      }
      most = Math.max(most, running[0] + running[1] + running[2] + running[3]);
    }
    // Square root: rare single spans stay visible beside thousands.
    this.busy = counts.map((column) => {
      const share = Math.sqrt(most);
      return column.map((value) => Math.sqrt(value) / share / (most > 1 ? 2 : 1));
    });
  }

  private listen(changed: () => void): void {
    let anchor: number | null = null;
    const timeAt = (event: PointerEvent) =>
      ((event.offsetX - GUTTER) / Math.max(1, this.width)) * this.window.limit;
    this.element.addEventListener('pointerdown', (event) => {
      this.element.setPointerCapture(event.pointerId);
      anchor = timeAt(event);
      // Inside the visible part a click moves nothing until it is dragged.
      if (anchor < this.window.start || anchor > this.window.end) {
        const half = this.window.span / 2;
        this.window.show(anchor - half, anchor + half);
        changed();
      }
    });
    this.element.addEventListener('pointermove', (event) => {
      if (anchor === null) return;
      const now = timeAt(event);
      if (this.window.isAll || event.shiftKey) {
        if (Math.abs(now - anchor) * this.width < this.window.limit * 4) return;
        this.window.show(Math.min(anchor, now), Math.max(anchor, now));
      } else {
        this.window.show(this.window.start + now - anchor, this.window.end + now - anchor);
        anchor = now;
      }
      changed();
    });
    const release = () => {
      anchor = null;
    };
    this.element.addEventListener('pointerup', release);
    this.element.addEventListener('pointercancel', release);
    this.element.addEventListener('dblclick', () => {
      this.window.showAll();
      changed();
    });
  }
}
