/**
 * Purpose: one headless run: opens the bridge, runs the script, tells how it went.
 * Threads: JavaScript main thread.
 * Must not know: process signals and exit, which are the entry's.
 */
import { mkdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { PythonError } from '../../bridge/errors';
import { summary, type TraceSummary } from '../../protocol/trace/summary';
import { editorCalls } from '../editorCalls';
import type { HostInfo } from '../host';
import { liveHandles } from '../liveHandles';
import { type Bridge, openBridge } from '../openBridge';
import { endOf, type RunEnd, runScript } from '../runScript';
import { formatSummary } from '../summary';
import { readTraceFile } from '../traceFile';
import type { HeadlessArguments } from './arguments';
import { TerminalEditor } from './terminalEditor';

/** Where text goes. */
export interface Console {
  out(text: string): void;
  err(text: string): void;
}

const FAILED = 1;
/** As shells tell of a program that Ctrl+C ended, or `python` of a script that ended like that by itself. */
const STOPPED = 130;

/** Runs the script and returns the exit code; never rejects for anything the user can cause. */
export async function runHeadless(
  request: HeadlessArguments,
  console: Console,
  signal: AbortSignal,
): Promise<number> {
  const traceFile = request.trace === null ? null : prepareTrace(request, console);
  let bridge: Bridge;
  try {
    bridge = await openBridge({
      host: request.host,
      python: request.python,
      traceFile,
      pitHome: request.pitHome === undefined ? undefined : resolve(request.pitHome),
    });
  } catch (error) {
    console.err(`${tell(error)}\n`);
    return FAILED;
  }
  bridge.onDidOutput(({ stream, text }) => (stream === 'stdout' ? console.out(text) : console.err(text)));
  bridge.expose('editor', editorCalls(new TerminalEditor({ write: console.out, input: process.stdin })));
  console.out(`${describeHost(bridge.info)}\n\n`);
  return follow(bridge, request, console, signal);
}

async function follow(
  bridge: Bridge,
  request: HeadlessArguments,
  console: Console,
  signal: AbortSignal,
): Promise<number> {
  const { traceFile } = bridge.info;
  const began = performance.now();
  const { end, leaks } = await runScript(bridge, request.script, {
    args: request.args,
    signal,
    limits: request.limits,
  }).then(
    ({ exitCode, leaks }) => ({ end: { kind: 'exited', exitCode } as const, leaks }),
    (error: unknown) => failed(bridge, error, console, signal),
  );
  const tookMs = performance.now() - began;
  await bridge.close();
  const trace = traceFile === null ? null : readFigures(traceFile, console);
  const exitCode = exitCodeOf(end);
  console.out(`\n${formatSummary({ trace, leaks, traceFile, end: end.kind, exitCode, tookMs })}\n`);
  return exitCode;
}

async function failed(bridge: Bridge, error: unknown, console: Console, signal: AbortSignal) {
  console.err(`${tell(error)}\n`);
  const leaks = (await liveHandles(bridge)).filter(({ leak }) => leak);
  return { end: endOf(error, signal), leaks };
}

function exitCodeOf(end: RunEnd): number {
  switch (end.kind) {
    case 'exited':
      return end.exitCode;
    case 'stopped':
    case 'abandoned':
      return STOPPED;
    case 'failed':
      // Python looks for exactly this class, too.
      return end.error instanceof PythonError && end.error.type === 'KeyboardInterrupt' ? STOPPED : FAILED;
  }
}

function describeHost({ kind, version, executable, pid, reason }: HostInfo): string {
  const where = kind === 'embedded' ? 'embedded in this process' : `in a child process (pid ${pid})`;
  return `Python ${version} (${executable}), ${where}: ${reason}`;
}

function prepareTrace(request: HeadlessArguments, console: Console): string | null {
  const name = basename(request.script).replace(/\.py$/, '');
  const file = resolve(request.trace ?? join('.symphony', `${name}.symtrace`));
  try {
    mkdirSync(dirname(file), { recursive: true });
    return file;
  } catch (error) {
    console.err(`Nothing is recorded: ${(error as Error).message}. Pass --trace FILE to record elsewhere.\n`);
    return null;
  }
}

function readFigures(file: string, console: Console): TraceSummary | null {
  try {
    return summary(readTraceFile(file));
  } catch (error) {
    console.err(`The trace cannot be read: ${(error as Error).message}\n`);
    return null;
  }
}

function tell(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
