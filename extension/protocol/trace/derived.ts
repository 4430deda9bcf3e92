/**
 * Errors and handles as the panel shows them, from the trace alone: for traces of runs that are over, also by a crash.
 *
 * Must not know: live hosts (their errors and handles know more and take precedence).
 */
import type { JoinedFrame } from '../joinedFrame';
import type { PanelError, PanelHandle } from '../panelMessages';
import { LANGUAGES, languageOfFile, spanAt, type TraceModel } from './model';

/** The failed spans, each with the crossings that led to it as its stack (outermost first). */
export function errorsOfTrace(model: TraceModel): PanelError[] {
  return model.errors.map((error) => {
    const span = error.row >= 0 ? spanAt(model, error.row) : null;
    return {
      type: span ? span.name : 'error',
      message: error.message,
      code: null,
      hint: null,
      notes: [],
      atNs: error.at,
      span: span ? span.id : null,
      frames: error.row >= 0 ? framesTo(model, error.row) : [],
      cause: null,
      members: [],
    };
  });
}

/**
 * Errors of a live host (which know hints and causes) with those only the trace has seen, such as ones a script caught.
 * An error that both know gets its place in time from the trace.
 */
export function mergeErrors(live: readonly PanelError[], recorded: readonly PanelError[]): PanelError[] {
  const left = new Set(live);
  const merged = recorded.map((error) => {
    // An error passes several spans on its way up: each may have recorded it, also with its type in front.
    const known = live.find((other) => other.message !== '' && error.message.includes(other.message));
    if (!known) return error;
    left.delete(known);
    return { ...known, atNs: known.atNs ?? error.atNs, span: known.span ?? error.span };
  });
  const seen = new Set<string>();
  const once = merged.filter((error) => {
    const key = `${error.type}\n${error.message}\n${error.frames.map((frame) => `${frame.file}:${frame.line}`)}`;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
  return [...once, ...left];
}

/** Handles that never closed. When nobody writes the file any more, they are leaks. */
export function handlesOfTrace(model: TraceModel): PanelHandle[] {
  return model.handles
    .filter((handle) => handle.closed === null)
    .map((handle) => ({
      id: handle.id,
      kind: handle.kind,
      name: handle.name,
      site: handle.site,
      ageNs: model.duration - handle.opened,
      span: handle.row >= 0 ? model.spans.id[handle.row] : null,
      ...verdict(handle.longLived, !model.live),
    }));
}

function verdict(longLived: boolean, over: boolean): Pick<PanelHandle, 'state' | 'reason'> {
  if (longLived) return { state: 'long-lived', reason: 'declared long-lived' };
  return over
    ? { state: 'leak', reason: 'still open when the recording ended' }
    : { state: 'live', reason: 'in use: the recording has not ended' };
}

function framesTo(model: TraceModel, row: number): JoinedFrame[] {
  const frames: JoinedFrame[] = [];
  let callee = '';
  for (let at: number | null = row; at !== null; ) {
    const span = spanAt(model, at);
    if (callee === '') {
      const place = span.callee;
      if (place) frames.push({ language: languageName(span.lang), function: span.name, ...place });
    }
    callee = span.name;
    if (span.caller) {
      const language = LANGUAGES[languageOfFile(span.caller.file)];
      const parent = span.parent === null ? null : spanAt(model, span.parent).name;
      frames.push({
        language: languageName(language === 'unknown' ? span.from : language),
        function: parent ?? (span.from === 'python' ? '<module>' : '<anonymous>'),
        ...span.caller,
      });
    }
    at = span.parent;
  }
  return frames.reverse();
}

function languageName(language: string): JoinedFrame['language'] {
  return language === 'rust' || language === 'python' ? language : 'typescript';
}
