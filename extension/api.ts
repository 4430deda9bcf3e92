/**
 * What other extensions get from `extensions.getExtension('symphony.symphony-conductor-workbench').exports`.
 */
import type { Bridge, OpenOptions } from './conductor/openBridge';
import type { RunRecord } from './workbench/runs';
import type { WorkbenchState } from './workbench/state';
import type { Workbench } from './workbench/workbench';

/** Grows by addition; a change that breaks callers gets a new number. */
export const API_VERSION = 1;

/** What `activate` cost, in milliseconds: on the clock, and of the processor, which other programs do not slow down. */
export interface Activation {
  readonly wallMs: number;
  readonly cpuMs: number;
}

export interface WorkbenchApi {
  readonly version: typeof API_VERSION;
  /**
   * Opens a bridge that is the caller's to close; what the options leave open is as in the workbench's settings. With
   * `{ host: 'subprocess' }` its Python is its own. In the embedded host, which the settings usually choose, it shares
   * the one Python of this process with the workbench and with every other caller: see `Bridge`.
   */
  openBridge(options?: OpenOptions): Promise<Bridge>;
  readonly activation: Activation;
  /** What the workbench is doing now. */
  readonly state: WorkbenchState;
  /** The run under way, else the newest that ended. */
  readonly lastRun: RunRecord | undefined;
}

export function workbenchApi(workbench: Workbench, activation: Activation): WorkbenchApi {
  return {
    version: API_VERSION,
    activation,
    openBridge: (options) => workbench.openBridge(options),
    get state() {
      return workbench.states.current;
    },
    get lastRun() {
      return workbench.runs.last;
    },
  };
}
