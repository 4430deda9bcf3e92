// The frame of every command: failures that explain themselves are printed without a stack.
import { StepError } from './run.mjs';

/** Runs the command and sets the exit code it gives (none means success). */
export function main(command) {
  command().then(
    (code) => {
      process.exitCode = code ?? 0;
    },
    (error) => {
      console.error(error instanceof StepError ? error.message : error);
      process.exitCode = 1;
    },
  );
}
