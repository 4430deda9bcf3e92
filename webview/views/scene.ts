/**
 * What a drawing of the timeline is made from.
 *
 * Must not know: how it is drawn.
 */
import type { Times } from '../model/detail';
import { type Geometry, GUTTER } from '../model/geometry';
import type { TraceStore } from '../model/store';
import type { TimeWindow } from '../model/timeWindow';
import type { Palette } from '../palette';

export interface Scene {
  store: TraceStore;
  geometry: Geometry;
  window: TimeWindow;
  times: Times;
  palette: Palette;
  /** Rows that match the filter; null = no filter. What does not match is drawn pale. */
  matching: Uint8Array | null;
  hovered: number;
  /** Scroll position and size of the visible part, in CSS pixels. */
  top: number;
  width: number;
  height: number;
  focused: boolean;
}

/** X of a time, gutter included. */
export function xOf({ window }: Pick<Scene, 'window'>, time: number): number {
  return GUTTER + window.xAt(time);
}
