/**
 * The only place that talks to the extension: typed messages out and in, and the state that outlives the page.
 *
 * Must not know: what the messages mean.
 */
import type { FromPanel, PanelTab, ToPanel } from '../extension/protocol/panelMessages';

/** What a hidden panel remembers: where one was, never data. */
export interface PanelState {
  tab: PanelTab;
  filter: string;
  direction: string;
  /** Height of the timeline in pixels, 0 = the default. */
  timelineHeight: number;
  sort: { column: string; descending: boolean };
  /** Visible time, null = all of it. */
  window: { start: number; end: number } | null;
  /** Id of the selected span, 0 = none. */
  selected: number;
}

interface VsCodeApi {
  postMessage(message: FromPanel): void;
  getState(): Partial<PanelState> | undefined;
  setState(state: PanelState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();

const state: PanelState = {
  tab: 'calls',
  filter: '',
  direction: '',
  timelineHeight: 0,
  sort: { column: 'start', descending: false },
  window: null,
  selected: 0,
  ...api.getState(),
};

/** What was remembered. */
export function remembered(): Readonly<PanelState> {
  return state;
}

export function remember(change: Partial<PanelState>): void {
  Object.assign(state, change);
  api.setState(state);
}

export function post(message: FromPanel): void {
  api.postMessage(message);
}

export function onMessage(listener: (message: ToPanel) => void): void {
  window.addEventListener('message', (event: MessageEvent<ToPanel>) => listener(event.data));
}
