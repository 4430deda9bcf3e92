/**
 * Purpose: the codes of all errors, each with what to do next when nothing more fitting is known.
 * Threads: any. Must not know: anything else; `docs/errors.md` explains every code, and
 * `python/symphony_bridge/_error_codes.py` is the twin. Tests hold the three against each other and
 * against what the sources use.
 */
export const ERROR_CODES = {
  abandoned: 'Run it in the subprocess host, where Stop always works.',
  bridge: 'Look at the frames and the cause: the bridge has no better name for this.',
  cancelled: 'Nothing, if you meant it; else find who aborted the signal or cancelled the task.',
  closed: 'Restart the Conductor and call again.',
  component: 'Look at the details and the cause: a component in Rust refused or failed.',
  conversion: 'Pass a plain value or a reference, or register a converter for the type.',
  'crash-loop': 'Look at the last crash in the trace, then restart the Conductor.',
  crashed: 'Look at the stack of the crash and at the end of the trace, then restart the Conductor.',
  'debugger-failed': 'Start the session again; if it fails again, look at what Python printed.',
  deadline: 'Give the call more time, or make it shorter.',
  deadlock: 'Make the call that waits asynchronous.',
  'embedding-failed': 'Use the subprocess host, or another Python.',
  'embedding-fixed': 'Restart the editor, or use the subprocess host.',
  'embedding-unavailable': 'Use the subprocess host, or a Python with a shared library.',
  'frame-invalid': 'Rebuild the TypeScript and the native side together, and restart.',
  'host-error': 'Look at the innermost TypeScript frame: it threw.',
  'host-timeout': 'Give the call more time, or find what the editor waits for.',
  'host-unavailable': 'Run it in the editor, or expose the function first.',
  'install-broken': 'Run the set-up again.',
  'interpreter-invalid': 'Choose another interpreter, 3.8 or newer.',
  'launch-invalid': 'Correct the debug configuration.',
  'memory-limit': 'Make the script take less memory, or raise its limit.',
  'native-panic': 'Report it with the trace: it is a fault of the bridge; the process goes on.',
  'not-debugging': 'Start the script with debugging.',
  pit: 'Look at the details: the Pit has no better name for this.',
  'pit-cancelled': 'Nothing, if you meant it; else find who cancelled it.',
  'pit-capacity': 'Ask for less, or raise the limit.',
  'pit-conflict': 'Look at the state of the thing, or choose another name.',
  'pit-damaged': 'Restore the Pit home from a copy, or remove what is damaged.',
  'pit-denied': 'Make the Pit home writable, or choose another one (SYMPHONY_PIT_HOME).',
  'pit-failed': 'Look at the cause: it is the error of the loader or step.',
  'pit-internal': 'Report it with the trace: it is a fault of the Pit; the process goes on.',
  'pit-invalid': 'Look at the details: they name the field and what is allowed.',
  'pit-not-found': 'Check the id or name; list what there is.',
  'pit-storage': 'Look at the disk of the Pit home: space, and who else uses it.',
  'pit-timeout': 'Give it more time, or find what it waits for.',
  protocol: 'Rebuild the TypeScript and the native side together, and restart.',
  'python-exception': 'Look at the innermost Python frame: it raised.',
  released: 'Keep the object undisposed as long as it is used.',
  'script-not-found': 'Check the path; it is relative to the current directory.',
  'script-running': 'Wait until it has ended, or stop it.',
  'start-failed': 'Look at what Python printed, or choose another interpreter.',
  'time-limit': 'Make the script faster, or raise its limit.',
  unsupported: 'Do it on the other side.',
  'view-escaped': 'Keep a copy instead: bytes(view) or numpy.array(view).',
} as const satisfies Record<string, string>;

/** A code of ours. Exposed functions and scripts may have codes of their own besides. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Codes whose hint says no more than that there is a stack. */
const GENERAL: ReadonlySet<string> = new Set<ErrorCode>([
  'bridge',
  'cancelled',
  'component',
  'host-error',
  'pit',
  'python-exception',
]);

/** The next step for an error with this code, when nobody knows a better one. */
export function hintFor(code: string): string {
  return Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code as ErrorCode] : ERROR_CODES.bridge;
}

/** Whether a hint tells more than the message and the stack do. */
export function isTelling(code: string, hint: string): boolean {
  const known = Object.hasOwn(ERROR_CODES, code);
  return hint !== hintFor(code) || (known && !GENERAL.has(code));
}
