/**
 * Restart Conductor: ends what runs and starts Python anew with the settings as they are now.
 *
 * Threads: extension host main thread.
 */
import type { Workbench } from '../workbench/workbench';
import { trusted } from './scripts';

export async function restartCommand(workbench: Workbench): Promise<void> {
  if (!trusted('Starting Python')) return;
  await workbench.runs.stop();
  workbench.states.set({ kind: 'starting' });
  try {
    const bridge = await workbench.bridges.restart();
    workbench.states.set({ kind: 'idle', host: bridge.info });
  } catch (error) {
    workbench.states.set({ kind: 'error', message: (error as Error).message, host: undefined });
    workbench.failures.show('Python did not start', error);
  }
}
