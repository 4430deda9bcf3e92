/**
 * Purpose: TypeScript stack frames for joined errors and for the `site` of a crossing.
 * Threads: JavaScript main thread only.
 * Must not know: calls, transports, VS Code.
 *
 * A capture keeps V8's structured call sites and turns them into text only when
 * somebody asks: most calls succeed and nobody does.
 */

import { existsSync, readFileSync } from 'node:fs';
import { findSourceMap, SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JoinedFrame, Language } from '../protocol/joinedFrame';

/** The languages a frame can be of. */
export type { JoinedFrame, Language };

/** The frames of one TypeScript caller, not formatted yet. */
export interface Caller {
  /** `file:line` of the innermost frame, source-mapped; null when there is none. */
  site(): string | null;
  /** In call order, without Node's own frames. */
  frames(): JoinedFrame[];
}

type AnyFunction = (...args: never[]) => unknown;

/**
 * Name of the function through which Python calls TypeScript inside a synchronous call. The frames below it are the
 * outer call's, which tells them itself.
 */
const CALLBACK_ENTRY = 'answerPython';

/** More frames than these say little about a call, and every one costs. */
const FRAME_LIMIT = 16;
/** The innermost frame may be a built-in's that calls back, as `map` does. */
const SITE_FRAMES = 2;

/** Captures the frames that called `below`; about a microsecond until somebody looks. */
export function captureCaller(below: AnyFunction): Caller {
  return new CapturedCaller(holderBelow(below));
}

/** As `captureCaller`, for the line of the call alone: its frames are few, and cheaper. */
export function captureSite(below: AnyFunction): Caller {
  return new CapturedCaller(holderBelow(below, SITE_FRAMES));
}

interface StackHolder {
  stack?: unknown;
}

function holderBelow(below: AnyFunction, frames = FRAME_LIMIT): StackHolder {
  const holder: StackHolder = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = Math.min(limit, frames);
  try {
    Error.captureStackTrace(holder, below);
  } finally {
    Error.stackTraceLimit = limit;
  }
  return holder;
}

/** The functions that await, however indirectly, the promise whose rejection is being handled; in call order. */
export function asyncFrames(): JoinedFrame[] {
  const sites = sitesOf(holderBelow(asyncFrames)).filter((site) => site.isAsync());
  return framesOf(sites);
}

class CapturedCaller implements Caller {
  private sites: readonly NodeJS.CallSite[] | undefined;

  constructor(private readonly holder: StackHolder) {}

  site(): string | null {
    return siteOf(this.read());
  }

  frames(): JoinedFrame[] {
    return framesOf(this.read());
  }

  private read(): readonly NodeJS.CallSite[] {
    this.sites ??= sitesOf(this.holder);
    return this.sites;
  }
}

/** V8 hands out what it captured when `stack` is first read, by the hook of that moment. */
function sitesOf(holder: StackHolder): readonly NodeJS.CallSite[] {
  const stack = rawStack(holder);
  // Other extensions share this hook; what is no list of call sites is theirs.
  const sites = Array.isArray(stack) ? (stack as NodeJS.CallSite[]) : [];
  const entry = sites.findIndex((site) => site.getFunctionName() === CALLBACK_ENTRY);
  return entry === -1 ? sites : sites.slice(0, entry);
}

function rawStack(holder: StackHolder): unknown {
  const previous = Error.prepareStackTrace;
  Error.prepareStackTrace = keepCallSites;
  try {
    return holder.stack;
  } finally {
    // Also where JavaScript's stack has been used up: the hook is everybody's.
    Error.prepareStackTrace = previous;
  }
}

function framesOf(sites: readonly NodeJS.CallSite[]): JoinedFrame[] {
  const frames = sites.map(frameOf);
  return fromBorder(frames.filter((frame) => frame !== null).reverse());
}

/** The frames of a thrown value's `stack` text, in call order; empty when it has none. */
export function framesOfError(error: unknown): JoinedFrame[] {
  const text = error instanceof Error ? error.stack : undefined;
  if (typeof text !== 'string') return [];
  const frames: JoinedFrame[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s+at (?:async )?(?:(.+?) \()?([^()\s][^()]*):(\d+):(\d+)\)?$/.exec(line);
    if (!match) continue;
    const [, name, file, row, column] = match;
    if (name === CALLBACK_ENTRY) break;
    if (isNodeInternal(file)) continue;
    const position = { file: toPath(file), line: Number(row), column: Number(column) };
    // Node maps the text itself when its source maps are on; mapping twice would be wrong.
    const mapped = process.sourceMapsEnabled ? position : mapPosition(position);
    frames.push({ language: 'typescript', function: name ?? '<anonymous>', ...mapped });
  }
  return fromBorder(frames.reverse());
}

/** The function in `hostCalls.ts` through which Python's calls come. */
const BORDER = /(^|\.)callExposed$/;

/** What is called from Python has Python's frames before it: its own begin inside the exposed function. */
function fromBorder(frames: JoinedFrame[]): JoinedFrame[] {
  const border = frames.findLastIndex((frame) => BORDER.test(frame.function));
  return border < 0 ? frames : frames.slice(border + 1);
}

/** Frames as text, one paragraph per change of language, in call order. */
export function formatFrames(frames: readonly JoinedFrame[]): string {
  const lines: string[] = [];
  let language: Language | undefined;
  for (const frame of frames) {
    if (frame.language !== language) {
      language = frame.language;
      lines.push(`  ${LANGUAGE_NAMES[language] ?? language}`);
    }
    const column = frame.column ? `:${frame.column}` : '';
    lines.push(`    at ${frame.function} (${frame.file}:${frame.line}${column})`);
  }
  return lines.join('\n');
}

const LANGUAGE_NAMES: Record<Language, string> = {
  typescript: 'TypeScript',
  python: 'Python',
  rust: 'Rust',
};

interface Position {
  file: string;
  line: number;
  column: number;
}

/** `file:line` by script and offset: every call asks, and the places that call are few. */
const knownSites = new Map<string, Map<number, string>>();

function siteOf(sites: readonly NodeJS.CallSite[]): string | null {
  for (const site of sites) {
    const script = site.getFileName();
    if (!script) continue;
    let ofScript = knownSites.get(script);
    if (!ofScript) {
      ofScript = new Map();
      knownSites.set(script, ofScript);
    }
    const offset = site.getPosition();
    const known = ofScript.get(offset);
    if (known !== undefined) return known;
    const frame = frameOf(site);
    if (!frame) continue;
    const text = `${frame.file}:${frame.line}`;
    ofScript.set(offset, text);
    return text;
  }
  return null;
}

const keepCallSites = (_error: Error, sites: NodeJS.CallSite[]): NodeJS.CallSite[] => sites;

function frameOf(site: NodeJS.CallSite): JoinedFrame | null {
  const file = site.getFileName() ?? site.getScriptNameOrSourceURL();
  const line = site.getLineNumber();
  if (!file || line === null || isNodeInternal(file)) return null;
  const position = { file: toPath(file), line, column: site.getColumnNumber() ?? 1 };
  return { language: 'typescript', function: nameOf(site), ...mapPosition(position) };
}

function nameOf(site: NodeJS.CallSite): string {
  const name = site.getFunctionName();
  const type = site.isToplevel() || site.isConstructor() ? null : site.getTypeName();
  if (!name) return site.getMethodName() ?? '<anonymous>';
  return type && type !== 'Object' && !name.includes('.') ? `${type}.${name}` : name;
}

function isNodeInternal(file: string): boolean {
  return file.startsWith('node:') || file.startsWith('internal/') || file === 'native';
}

function toPath(file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file) : file;
}

const mapped = new Map<string, Position>();
const sourceMaps = new Map<string, SourceMap | null>();

function mapPosition(position: Position): Position {
  const key = `${position.file}:${position.line}:${position.column}`;
  const known = mapped.get(key);
  if (known) return known;
  const result = lookUp(position);
  // A call site is a place in a file: their number is bounded by the loaded code.
  mapped.set(key, result);
  return result;
}

function lookUp(position: Position): Position {
  const map = sourceMapOf(position.file);
  const entry = map?.findEntry(position.line - 1, position.column - 1);
  if (!entry || !('originalSource' in entry) || !entry.originalSource) return position;
  const source = entry.originalSource;
  const file = source.startsWith('file:') ? fileURLToPath(source) : resolve(dirname(position.file), source);
  return { file, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
}

function sourceMapOf(file: string): SourceMap | null {
  const known = sourceMaps.get(file);
  if (known !== undefined) return known;
  const map = findSourceMap(file) ?? readSourceMap(`${file}.map`);
  sourceMaps.set(file, map);
  return map;
}

/** A bundle in the extension host has its map beside it, and Node's own mapping is off there. */
function readSourceMap(path: string): SourceMap | null {
  try {
    if (!existsSync(path)) return null;
    return new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as SourceMapPayload);
  } catch {
    return null;
  }
}
