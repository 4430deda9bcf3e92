/**
 * The bar that shares the height between timeline and table; by mouse and by arrow keys.
 *
 * Must not know: what is above and below.
 */
import { h } from '../dom';
import { remember, remembered } from '../host';

const LEAST = 80;
const STEP = 20;

/** A separator that sets the height of `upper`. */
export function splitter(upper: HTMLElement): HTMLElement {
  const bar = h('div', {
    class: 'splitter',
    role: 'separator',
    tabindex: 0,
    'aria-orientation': 'horizontal',
    'aria-label': 'Height of the timeline',
  });
  const set = (height: number) => {
    const most = Math.max(LEAST, (upper.parentElement?.clientHeight ?? 600) - 140);
    const bounded = Math.round(Math.min(Math.max(height, LEAST), most));
    upper.style.flexBasis = `${bounded}px`;
    bar.setAttribute('aria-valuenow', String(bounded));
    remember({ timelineHeight: bounded });
  };
  if (remembered().timelineHeight > 0) upper.style.flexBasis = `${remembered().timelineHeight}px`;
  bar.addEventListener('pointerdown', (event) => {
    bar.setPointerCapture(event.pointerId);
    const offset = upper.clientHeight - event.clientY;
    const move = (now: PointerEvent) => set(now.clientY + offset);
    bar.addEventListener('pointermove', move);
    bar.addEventListener('lostpointercapture', () => bar.removeEventListener('pointermove', move), {
      once: true,
    });
  });
  bar.addEventListener('keydown', (event) => {
    const change = { ArrowUp: -STEP, ArrowDown: STEP }[event.key];
    if (change === undefined) return;
    event.preventDefault();
    set(upper.clientHeight + change);
  });
  return bar;
}
