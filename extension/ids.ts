/**
 * Every identifier that the manifest and the code share, in one typed table; `test/unit/manifest.test.ts` compares
 * the two.
 *
 * Must not know: VS Code, what the commands do.
 */

/** Command ids. Each has a handler in `commands.ts` and an entry in package.json. */
export const COMMANDS = {
  runScript: 'symphony.runScript',
  debugScript: 'symphony.debugScript',
  stop: 'symphony.stop',
  openTrace: 'symphony.openTrace',
  showCrashReport: 'symphony.showCrashReport',
  tryEmbeddedAgain: 'symphony.tryEmbeddedAgain',
  invokePitOperation: 'symphony.invokePitOperation',
  selectInterpreter: 'symphony.selectInterpreter',
  showEnvironments: 'symphony.showEnvironments',
  restartConductor: 'symphony.restartConductor',
  showOutput: 'symphony.showOutput',
} as const;

export type CommandName = keyof typeof COMMANDS;
export type CommandId = (typeof COMMANDS)[CommandName];

/** Setting ids, as written in settings.json. */
export const SETTINGS = {
  host: 'symphony.conductor.host',
  python: 'symphony.conductor.python',
  traceFile: 'symphony.trace.file',
  pitHome: 'symphony.pit.home',
  timeLimit: 'symphony.run.timeLimit',
  memoryLimit: 'symphony.run.memoryLimit',
} as const;

export type SettingId = (typeof SETTINGS)[keyof typeof SETTINGS];

/** Context keys for `when` clauses. */
export const CONTEXTS = {
  running: 'symphony.running',
} as const;

export const DEBUG_TYPE = 'conductor';
export const OUTPUT_CHANNEL = 'Symphony Conductor';
export const STATUS_ITEM = 'symphony.status';
/** Scheme of read-only documents such as the result of a Pit operation. */
export const RESULT_SCHEME = 'symphony-result';

const SCRIPT_SUFFIX = '.conductor.py';

/** Glob of Conductor scripts. */
export const SCRIPT_GLOB = `**/*${SCRIPT_SUFFIX}`;

export function isConductorScript(path: string): boolean {
  return path.endsWith(SCRIPT_SUFFIX);
}
