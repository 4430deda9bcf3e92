/**
 * Arrows of the selected span: from its callers down to it, and from it to what it calls.
 *
 * Must not know: input, the rest of the drawing.
 */
import { BAR } from '../model/geometry';
import { type Scene, xOf } from './scene';

/** More arrows than this would be a carpet. */
const MOST_CHILDREN = 60;

export function paintFlow(context: CanvasRenderingContext2D, scene: Scene, row: number): void {
  const { store, palette } = scene;
  const { parent } = store.columns;
  context.strokeStyle = palette.foreground;
  context.fillStyle = palette.foreground;
  context.lineWidth = 1.25;
  for (let child = row; parent[child] >= 0; child = parent[child]) {
    context.globalAlpha = child === row ? 0.95 : 0.5;
    arrow(context, scene, parent[child], child);
  }
  context.globalAlpha = 0.45;
  for (const child of store.childrenOf(row, MOST_CHILDREN)) arrow(context, scene, row, child);
  context.globalAlpha = 1;
}

/** From the caller's bar, where the request was sent, to the left edge of the callee's. */
function arrow(context: CanvasRenderingContext2D, scene: Scene, caller: number, callee: number): void {
  const { columns } = scene.store;
  const start = columns.start[callee];
  const sent = columns.enqueued[callee];
  const toX = xOf(scene, start);
  const fromX = Number.isNaN(sent) ? toX : xOf(scene, Math.max(sent, columns.start[caller]));
  const callerTop = scene.geometry.topOf(caller);
  const calleeTop = scene.geometry.topOf(callee);
  if (Math.max(fromX, toX) < 0 || Math.min(fromX, toX) > scene.width || callerTop === calleeTop) return;
  const down = calleeTop > callerTop;
  const fromY = down ? callerTop + BAR : callerTop;
  const toY = calleeTop + BAR / 2;
  const bend = Math.min(14, Math.abs(toY - fromY) / 2);
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.bezierCurveTo(fromX, fromY + (down ? bend : -bend), toX - 12, toY, toX - 1, toY);
  context.stroke();
  context.beginPath();
  context.moveTo(toX, toY);
  context.lineTo(toX - 6, toY - 3.5);
  context.lineTo(toX - 6, toY + 3.5);
  context.fill();
}
