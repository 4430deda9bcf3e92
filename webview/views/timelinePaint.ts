/**
 * Draws the timeline. Cost follows the pixels (see `model/detail`).
 *
 * Must not know: input, messages.
 */

import { formatDuration } from '../../extension/protocol/duration';
import { walkTrack } from '../model/detail';
import { FULL_LANGUAGES, formatTime } from '../model/format';
import { BAND, BAR, GUTTER, type PlacedLane, ROW, RULER } from '../model/geometry';
import { paintFlow } from './flowPaint';
import { type Scene, xOf } from './scene';

/** Narrower bars get no text. */
const TEXT_FROM = 36;
const ERROR_MARK = 5;

export function paintTimeline(context: CanvasRenderingContext2D, scene: Scene): void {
  const { palette, width, height, top } = scene;
  context.fillStyle = palette.background;
  context.fillRect(0, 0, width, height);
  context.textBaseline = 'middle';
  const ticks = scene.window.ticks(96);
  context.save();
  context.translate(0, -top);
  paintGrid(context, scene, ticks.times);
  paintBands(context, scene);
  for (const placed of scene.geometry.lanes) {
    if (placed.top + placed.height > top && placed.top < top + height) paintLane(context, scene, placed);
  }
  paintErrors(context, scene);
  clipToTime(context, scene, () => paintSelection(context, scene));
  context.restore();
  paintRuler(context, scene, ticks);
}

function paintGrid(context: CanvasRenderingContext2D, scene: Scene, times: number[]): void {
  context.fillStyle = scene.palette.grid;
  for (const time of times) context.fillRect(Math.round(xOf(scene, time)), scene.top, 1, scene.height);
}

function paintBands(context: CanvasRenderingContext2D, scene: Scene): void {
  const { palette, store } = scene;
  for (const { thread, top } of scene.geometry.bands) {
    context.fillStyle = palette.band;
    context.fillRect(0, top, scene.width, BAND - 2);
    if (palette.highContrast) {
      context.fillStyle = palette.line;
      context.fillRect(0, top, scene.width, 1);
    }
    context.font = `600 11px ${palette.font}`;
    context.fillStyle = palette.foreground;
    context.fillText(store.trace!.threads[thread].name, 8, top + BAND / 2 - 1);
  }
}

function paintLane(context: CanvasRenderingContext2D, scene: Scene, { lane, top }: PlacedLane): void {
  const { palette } = scene;
  const colours = palette.languages[lane.lang];
  context.fillStyle = colours.strong;
  context.fillRect(8, top + 3, 3, BAR - 5);
  context.font = `11px ${palette.font}`;
  context.fillStyle = palette.dim;
  context.fillText(FULL_LANGUAGES[lane.lang], 18, top + BAR / 2);
  clipToTime(context, scene, () => {
    for (const [depth, track] of lane.tracks.entries()) {
      const y = top + depth * ROW;
      if (y + BAR < scene.top || y > scene.top + scene.height) continue;
      walkTrack(track.rows, scene.times, scene.window, {
        dense(x, width) {
          context.globalAlpha = scene.matching ? 0.3 : 0.65;
          context.fillStyle = colours.strong;
          context.fillRect(GUTTER + x, y, width, BAR);
          context.globalAlpha = 1;
        },
        span(row, x, width) {
          const pale = scene.matching !== null && scene.matching[row] === 0;
          context.globalAlpha = pale ? 0.3 : 1;
          paintBar(context, scene, row, GUTTER + x, y, width);
          context.globalAlpha = 1;
        },
      });
    }
  });
}

function paintBar(
  context: CanvasRenderingContext2D,
  scene: Scene,
  row: number,
  x: number,
  y: number,
  width: number,
): void {
  const { palette, store } = scene;
  const failed = store.failures.has(row);
  const colours = palette.languages[store.columns.lang[row]];
  const left = Math.max(x, GUTTER - 4);
  const right = Math.min(x + width, scene.width + 4);
  // A hairline between neighbours, unless that would eat the bar.
  const drawn = Math.max(right - left - (width > 3 ? 1 : 0), 0.75);
  const strong = failed ? palette.error : colours.strong;
  context.fillStyle = width < 4 ? strong : failed ? palette.errorBody : colours.body;
  context.fillRect(left, y, drawn, BAR);
  if (width >= 4) {
    context.fillStyle = strong;
    context.fillRect(left, y, palette.highContrast || width < 12 ? 1 : 2, BAR);
    if (palette.highContrast) outline(context, strong, left, y, drawn);
  }
  if (row === scene.hovered) outline(context, palette.foreground, left, y, drawn);
  if (store.isOpen(row) && width >= 8) paintOpenEnd(context, strong, right, y);
  if (drawn >= TEXT_FROM) paintLabel(context, scene, row, left, y, drawn);
}

/** A span without an end frays out. */
function paintOpenEnd(context: CanvasRenderingContext2D, colour: string, right: number, y: number): void {
  context.fillStyle = colour;
  for (let i = 0; i < 4; i++) context.fillRect(right - 3, y + i * 4, 2, 2);
}

function paintLabel(
  context: CanvasRenderingContext2D,
  { store, palette, times }: Scene,
  row: number,
  x: number,
  y: number,
  width: number,
): void {
  context.font = `11px ${palette.font}`;
  const room = width - 10;
  const name = shorten(context, store.nameOf(row).name, room);
  context.fillStyle = palette.foreground;
  context.fillText(name, x + 6, y + BAR / 2 + 0.5);
  const used = context.measureText(name).width;
  const duration = store.isOpen(row) ? 'open' : formatDuration(times.end(row) - times.start(row));
  if (room - used > 64) {
    context.fillStyle = palette.dim;
    context.fillText(duration, x + 6 + used + 8, y + BAR / 2 + 0.5);
  }
}

/** Failed spans get a mark that no zoom hides. */
function paintErrors(context: CanvasRenderingContext2D, scene: Scene): void {
  const { store, geometry, palette } = scene;
  context.fillStyle = palette.error;
  for (const row of store.failures.keys()) {
    const x = Math.round(xOf(scene, store.columns.start[row]));
    if (x < GUTTER - ERROR_MARK || x > scene.width + ERROR_MARK) continue;
    const y = geometry.topOf(row);
    context.fillRect(x, y, 2, BAR);
    context.beginPath();
    context.moveTo(x - ERROR_MARK + 1, y - 2);
    context.lineTo(x + ERROR_MARK + 1, y - 2);
    context.lineTo(x + 1, y + ERROR_MARK);
    context.fill();
  }
}

function paintSelection(context: CanvasRenderingContext2D, scene: Scene): void {
  const { store, geometry, palette, times } = scene;
  const row = store.selected;
  if (row < 0) return;
  paintFlow(context, scene, row);
  const x = Math.max(xOf(scene, times.start(row)), GUTTER - 4);
  const right = Math.min(xOf(scene, times.end(row)), scene.width + 4);
  const width = Math.max(right - x, 2);
  const y = geometry.topOf(row);
  context.strokeStyle = palette.foreground;
  context.lineWidth = 2;
  context.strokeRect(x, y, width, BAR);
  if (scene.focused) {
    context.strokeStyle = palette.focus;
    context.lineWidth = 1;
    context.strokeRect(x - 2.5, y - 2.5, width + 5, BAR + 5);
  }
}

function paintRuler(
  context: CanvasRenderingContext2D,
  scene: Scene,
  { step, times }: { step: number; times: number[] },
): void {
  const { palette, width } = scene;
  context.fillStyle = palette.background;
  context.fillRect(0, 0, width, RULER);
  context.fillStyle = palette.line;
  context.fillRect(0, RULER - 1, width, 1);
  context.fillRect(GUTTER - 1, 0, 1, scene.height);
  context.font = `10px ${palette.font}`;
  for (const time of times) {
    const x = Math.round(xOf(scene, time));
    if (x < GUTTER) continue;
    context.fillStyle = palette.line;
    context.fillRect(x, RULER - 6, 1, 6);
    context.fillStyle = palette.dim;
    context.fillText(formatTime(time, step), x + 4, RULER / 2 - 1);
  }
  context.fillStyle = palette.background;
  context.fillRect(0, 0, GUTTER - 1, RULER - 1);
  context.fillStyle = palette.dim;
  context.fillText(formatDuration(scene.window.span), 8, RULER / 2 - 1);
}

function clipToTime(context: CanvasRenderingContext2D, scene: Scene, paint: () => void): void {
  context.save();
  context.beginPath();
  context.rect(GUTTER, scene.top, scene.width - GUTTER, scene.height);
  context.clip();
  paint();
  context.restore();
}

function outline(
  context: CanvasRenderingContext2D,
  colour: string,
  x: number,
  y: number,
  width: number,
): void {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, y + 0.5, Math.max(width - 1, 1), BAR - 1);
}

/** As much of `text` as fits, with an ellipsis; empty when not even that fits. */
function shorten(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle;
    else high = middle - 1;
  }
  return low > 1 ? `${text.slice(0, low)}…` : '';
}
