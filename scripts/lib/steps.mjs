// Runs set-up steps, each as soon as those before it are done, with one progress line per step.
import { StepError } from './run.mjs';

/**
 * @typedef {object} Step
 * @property {string} name what the user reads
 * @property {Step[]} [after] steps that must have succeeded
 * @property {() => boolean | Promise<boolean>} [fresh] true: there is nothing to do
 * @property {() => unknown} run does the work; a string it returns is shown beside the time
 * @property {boolean} [optional] a failure is told and the rest goes on
 */

/**
 * Runs the steps; independent ones run side by side.
 * @param {Step[]} steps
 * @throws StepError when a step that is not optional failed; the running ones are waited for first
 */
export async function runSteps(steps) {
  const width = Math.max(...steps.map((step) => step.name.length));
  const failed = new Set();
  const results = new Map();
  const start = (step) => {
    if (!results.has(step)) results.set(step, perform(step));
    return results.get(step);
  };

  async function perform(step) {
    const before = await Promise.all((step.after ?? []).filter((other) => steps.includes(other)).map(start));
    if (before.includes(false)) {
      failed.add(step);
      return false;
    }
    const began = performance.now();
    try {
      if (await step.fresh?.()) {
        console.log(`✓ ${step.name.padEnd(width)}   up to date`);
        return true;
      }
      const note = await step.run();
      console.log(
        `✓ ${step.name.padEnd(width)} ${seconds(began)}${typeof note === 'string' ? `  ${note}` : ''}`,
      );
      return true;
    } catch (error) {
      const reason = error instanceof StepError ? error.message : error.stack;
      console.log(`${step.optional ? '–' : '✗'} ${step.name.padEnd(width)} ${seconds(began)}  ${reason}`);
      failed.add(step);
      return false;
    }
  }

  await Promise.all(steps.map(start));
  const fatal = [...failed].filter((step) => !step.optional);
  if (fatal.length > 0) throw new StepError(`Set-up stopped: ${fatal.map((step) => step.name).join(', ')}.`);
}

const seconds = (began) => `${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s`;
