/**
 * Purpose: the command line of the headless runner.
 * Threads: any.
 * Must not know: what is done with it.
 */
import { parseArgs } from 'node:util';
import { HOST_CHOICES, type HostChoice } from '../host';
import type { RunLimits } from '../runLimits';

/** What the user asked for. */
export interface HeadlessArguments {
  script: string;
  args: string[];
  host: HostChoice;
  python: string | undefined;
  /** null: record nothing; undefined: the default place. */
  trace: string | null | undefined;
  pitHome: string | undefined;
  limits: RunLimits;
}

/** A command line that cannot be followed; the message is for the user. */
export class UsageError extends Error {}

export const USAGE = `Usage: npm run conductor -- SCRIPT [options] [-- SCRIPT ARGUMENTS]

  --host ${HOST_CHOICES.join('|')}  where Python runs (default: auto)
  --python PATH                    the interpreter (default: .venv, then PATH)
  --trace FILE                     where to record (default: .symphony/NAME.symtrace)
  --no-trace                       record nothing
  --pit-home FOLDER                the Pit's durable state (default: .symphony)
  --time-limit SECONDS             stop the script when it takes longer
  --memory-limit MIB               end it when its processes take more; only with --host subprocess
  --help                           this text`;

/** Reads the arguments after the program's name; null asks for the help text. @throws UsageError */
export function readArguments(argv: readonly string[]): HeadlessArguments | null {
  const { values, positionals } = parse(argv);
  if (values.help) return null;
  const [script, ...args] = positionals;
  if (script === undefined) throw new UsageError('which script? Give its path first.');
  const host = readHost(values.host);
  const limits = {
    seconds: readLimit('--time-limit', values['time-limit']),
    mebibytes: readLimit('--memory-limit', values['memory-limit']),
  };
  if (limits.mebibytes !== undefined && host !== 'subprocess') {
    throw new UsageError("--memory-limit needs --host subprocess: a process of the script's own.");
  }
  return {
    script,
    args,
    host,
    limits,
    python: values.python,
    trace: values['no-trace'] ? null : values.trace,
    pitHome: values['pit-home'],
  };
}

function parse(argv: readonly string[]) {
  const options = {
    host: { type: 'string' },
    python: { type: 'string' },
    trace: { type: 'string' },
    'no-trace': { type: 'boolean' },
    'pit-home': { type: 'string' },
    'time-limit': { type: 'string' },
    'memory-limit': { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readLimit(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const limit = Number(value);
  if (limit > 0 && Number.isFinite(limit)) return limit;
  throw new UsageError(`${option} is ${value}; it has to be a number above 0.`);
}

function readHost(host = 'auto'): HostChoice {
  const known = HOST_CHOICES.find((choice) => choice === host);
  if (known === undefined) throw new UsageError(`--host is ${host}; it can be ${HOST_CHOICES.join(', ')}.`);
  return known;
}
