/**
 * Mouse, wheel and keys of the timeline.
 *
 * Must not know: drawing, spans beyond their row.
 */
import { GUTTER } from '../model/geometry';
import type { Timeline } from './timeline';

/** Movement that makes a press a drag. */
const DRAG_FROM = 4;
const KEY_PAN = 80;
const KEY_ZOOM = 0.75;

export function listenToTimeline(canvas: HTMLCanvasElement, scroller: HTMLElement, timeline: Timeline): void {
  listenToPointer(canvas, timeline);
  listenToWheel(canvas, scroller, timeline);
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!pressed(event, timeline)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

function listenToPointer(canvas: HTMLCanvasElement, timeline: Timeline): void {
  let from: { x: number; y: number; dragging: boolean } | null = null;
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    from = { x: event.offsetX, y: event.offsetY, dragging: false };
  });
  canvas.addEventListener('pointermove', (event) => {
    const { offsetX: x, offsetY: y } = event;
    if (!from) {
      timeline.hover(timeline.hit(x, y), x, y);
      return;
    }
    if (!from.dragging && Math.hypot(x - from.x, y - from.y) < DRAG_FROM) return;
    if (!from.dragging) {
      from.dragging = true;
      timeline.hover(-1, 0, 0);
      canvas.style.cursor = 'grabbing';
    }
    timeline.window.pan(from.x - x);
    timeline.scrollBy(from.y - y);
    from.x = x;
    from.y = y;
    timeline.moved();
  });
  canvas.addEventListener('pointerup', (event) => {
    const clicked = from !== null && !from.dragging;
    from = null;
    canvas.style.cursor = '';
    if (!clicked) return;
    const row = timeline.hit(event.offsetX, event.offsetY);
    timeline.select(row);
    if (row >= 0) timeline.open(row);
  });
  canvas.addEventListener('pointercancel', () => {
    from = null;
  });
  canvas.addEventListener('pointerleave', () => timeline.hover(-1, 0, 0));
  canvas.addEventListener('dblclick', () => timeline.fitSelection());
}

function listenToWheel(canvas: HTMLCanvasElement, scroller: HTMLElement, timeline: Timeline): void {
  const wheel = (event: WheelEvent) => {
    event.preventDefault();
    // Lines and pages of classic mice, in pixels.
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 16;
    const { deltaX, deltaY } = event;
    if (event.shiftKey) timeline.scrollBy((deltaY || deltaX) * unit);
    else if (Math.abs(deltaX) > Math.abs(deltaY)) timeline.window.pan(deltaX * unit);
    else {
      const bounded = Math.max(-150, Math.min(150, deltaY * unit));
      timeline.window.zoom(Math.exp(bounded * 0.0022), Math.max(0, event.offsetX - GUTTER));
    }
    timeline.hover(-1, 0, 0);
    timeline.moved();
  };
  canvas.addEventListener('wheel', wheel, { passive: false });
  scroller.addEventListener('wheel', (event) => event.preventDefault(), { passive: false });
}

/** Acts on a key; false when it is not ours. */
function pressed(event: KeyboardEvent, timeline: Timeline): boolean {
  const { window } = timeline;
  const middle = timeline.selected >= 0 ? selectedX(timeline) : window.width / 2;
  const go = (direction: 'previous' | 'next' | 'caller' | 'callee') => {
    const row = timeline.neighbour(direction);
    if (row >= 0) timeline.select(row);
  };
  switch (event.key.length === 1 ? event.key.toLowerCase() : event.key) {
    case 'w':
    case '+':
    case '=':
      window.zoom(KEY_ZOOM, middle);
      break;
    case 's':
    case '-':
      window.zoom(1 / KEY_ZOOM, middle);
      break;
    case 'a':
      window.pan(-KEY_PAN);
      break;
    case 'd':
      window.pan(KEY_PAN);
      break;
    case 'ArrowLeft':
      if (event.shiftKey) window.pan(-KEY_PAN);
      else go('previous');
      break;
    case 'ArrowRight':
      if (event.shiftKey) window.pan(KEY_PAN);
      else go('next');
      break;
    case 'ArrowUp':
      if (event.shiftKey) timeline.scrollBy(-KEY_PAN);
      else go('caller');
      break;
    case 'ArrowDown':
      if (event.shiftKey) timeline.scrollBy(KEY_PAN);
      else go('callee');
      break;
    case 'PageUp':
      timeline.scrollBy(-3 * KEY_PAN);
      break;
    case 'PageDown':
      timeline.scrollBy(3 * KEY_PAN);
      break;
    case 'f':
      timeline.fitSelection();
      break;
    case 'Home':
    case '0':
      timeline.showAll();
      break;
    case 'Enter':
      if (timeline.selected >= 0) timeline.open(timeline.selected);
      break;
    case 'Escape':
      timeline.select(-1);
      break;
    default:
      return false;
  }
  timeline.moved();
  return true;
}

/** Zooming by key keeps the selection in place while it is visible. */
function selectedX({ window, store, selected }: Timeline): number {
  const x = window.xAt(store.columns.start[selected]);
  return x >= 0 && x <= window.width ? x : window.width / 2;
}
