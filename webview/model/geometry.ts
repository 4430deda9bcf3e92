/**
 * Where lanes and tracks stand from top to bottom, in pixels.
 *
 * Must not know: the DOM, colours, time.
 */
import type { Lane, Layout, Track } from './lanes';

/** Height of a track, gap included. */
export const ROW = 18;
/** Height of a span's bar. */
export const BAR = 16;
/** Height of the band with a thread's name. */
export const BAND = 20;
/** Space under each lane. */
const LANE_GAP = 3;
/** Width of the column with the names of lanes. */
export const GUTTER = 112;
/** Height of the ruler. */
export const RULER = 20;

export interface PlacedLane {
  lane: Lane;
  top: number;
  height: number;
}

export interface PlacedBand {
  thread: number;
  top: number;
}

export interface Geometry {
  bands: PlacedBand[];
  lanes: PlacedLane[];
  height: number;
  /** Top of the bar of a row. */
  topOf(row: number): number;
  /** Track at a height, null between them. */
  trackAt(y: number): { lane: Lane; track: Track } | null;
}

export function placeLanes(layout: Layout): Geometry {
  const bands: PlacedBand[] = [];
  const lanes: PlacedLane[] = [];
  const tops = new Map<Lane, number>();
  let y = RULER;
  for (const group of layout.groups) {
    bands.push({ thread: group.thread, top: y });
    y += BAND;
    for (const lane of group.lanes) {
      const height = lane.tracks.length * ROW + LANE_GAP;
      lanes.push({ lane, top: y, height });
      tops.set(lane, y);
      y += height;
    }
  }
  return {
    bands,
    lanes,
    height: y + LANE_GAP,
    topOf: (row) => tops.get(layout.lanes[layout.laneOf[row]])! + layout.depthOf[row] * ROW,
    trackAt(at) {
      const placed = lanes.find(({ top, height }) => at >= top && at < top + height);
      const track = placed?.lane.tracks[Math.floor((at - placed.top) / ROW)];
      return placed && track ? { lane: placed.lane, track } : null;
    },
  };
}
