/**
 * Purpose: the command line of the headless runner.
 * Threads: any.
 * Must not know: what is done with it.
 */
import { parseArgs } from 'node:util';
import { HOST_CHOICES, type HostChoice } from '../host';

/** What the user asked for. */
export interface HeadlessArguments {
  script: string;
  args: string[];
  host: HostChoice;
  python: string | undefined;
  /** null: record nothing; undefined: the default place. */
  trace: string | null | undefined;
  pitHome: string | undefined;
}

/** A command line that cannot be followed; the message is for the user. */
export class UsageError extends Error {}

export const USAGE = `Usage: npm run conductor -- SCRIPT [options] [-- SCRIPT ARGUMENTS]

  --host ${HOST_CHOICES.join('|')}  where Python runs (default: auto)
  --python PATH                    the interpreter (default: .venv, then PATH)
  --trace FILE                     where to record (default: .symphony/NAME.symtrace)
  --no-trace                       record nothing
  --pit-home FOLDER                the Pit's durable state (default: .symphony)
  --help                           this text`;

/** Reads the arguments after the program's name; null asks for the help text. @throws UsageError */
export function readArguments(argv: readonly string[]): HeadlessArguments | null {
  const { values, positionals } = parse(argv);
  if (values.help) return null;
  const [script, ...args] = positionals;
  if (script === undefined) throw new UsageError('which script? Give its path first.');
  return {
    script,
    args,
    host: readHost(values.host),
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
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readHost(host = 'auto'): HostChoice {
  const known = HOST_CHOICES.find((choice) => choice === host);
  if (known === undefined) throw new UsageError(`--host is ${host}; it can be ${HOST_CHOICES.join(', ')}.`);
  return known;
}
