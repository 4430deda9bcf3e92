/**
 * Purpose: entry of the headless runner, `npm run conductor`: composes, decides nothing.
 * Threads: JavaScript main thread.
 * Must not know: VS Code.
 */
import { readArguments, USAGE, UsageError } from './headless/arguments';
import { runHeadless } from './headless/runHeadless';

const USAGE_CODE = 2;
const STOPPED_CODE = 130;

async function main(): Promise<number> {
  const request = readArguments(process.argv.slice(2));
  if (!request) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // The second one is for somebody who does not want to wait.
      if (stop.signal.aborted) process.exit(STOPPED_CODE);
      stop.abort();
    });
  }
  const console = {
    out: (text: string) => void process.stdout.write(text),
    err: (text: string) => void process.stderr.write(text),
  };
  return runHeadless(request, console, stop.signal);
}

function fail(error: unknown): number {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}\n`);
  return USAGE_CODE;
}

/** An abandoned script must not keep the process, and what was printed must not get lost. */
async function leave(code: number): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
  process.exit(code);
}

// A reader that went away, as in `| head`, ends the run quietly.
process.stdout.on('error', () => process.exit(STOPPED_CODE));

main().catch(fail).then(leave);
