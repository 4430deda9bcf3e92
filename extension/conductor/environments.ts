/**
 * Purpose: which Python does what, and why: the page of *Show Python Environments*.
 * Threads: JavaScript main thread; interpreters are probed in children.
 * Must not know: VS Code.
 */
import type { BridgeError } from '../bridge/errors';
import { doubtOf } from './chooseHost';
import type { BlackBox } from './crash/blackBox';
import { embeddedPython } from './embeddedPython';
import { type EmbeddingVerdict, probeEmbedding } from './embeddingProbe';
import type { HostChoice, HostInfo } from './host';
import {
  type Candidate,
  findInterpreter,
  type InterpreterChoice,
  type InterpreterSearch,
  listInterpreters,
} from './interpreter';
import { type InterpreterFacts, isSamePython } from './probe';

/** What to look at. */
export interface SurveyRequest {
  search: InterpreterSearch & { root: string };
  /** The host that is asked for. */
  host: HostChoice;
  cacheDir?: string;
  blackBox?: BlackBox;
}

/** Everything about the Pythons of a window. */
export interface Survey {
  host: HostChoice;
  /** What the next run takes; the error when nothing can be taken. */
  choice: InterpreterChoice | BridgeError;
  /** Whether the chosen one can be embedded; null without one. */
  embedding: EmbeddingVerdict | null;
  /** Why `auto` does not embed it although that is possible; null when it does. */
  doubt: string | null;
  /** The one of this process; null as long as none was started. */
  embedded: InterpreterFacts | null;
  /** Every place that was looked at. */
  candidates: Candidate[];
}

/** Python processes that run now, by what they are for. */
export interface RunningChildren {
  scripts?: HostInfo;
  debugging: readonly HostInfo[];
}

/** Looks at every interpreter there is; takes as long as the slowest answers. */
export async function survey({ search, host, cacheDir, blackBox }: SurveyRequest): Promise<Survey> {
  const [choice, candidates] = await Promise.all([
    findInterpreter(search).catch((error: BridgeError) => error),
    listInterpreters(search),
  ]);
  const embedding = 'facts' in choice ? await probeEmbedding(search.root, choice.facts, cacheDir) : null;
  const doubt =
    'facts' in choice && host === 'auto' ? await doubtOf(blackBox, search.root, choice.facts) : null;
  return { host, choice, embedding, doubt, embedded: embeddedPython(), candidates };
}

/** The survey as Markdown. */
export function environmentsPage(found: Survey, running: RunningChildren): string {
  const { choice, candidates } = found;
  const chosen = 'facts' in choice ? choice.facts : null;
  const roles = [
    chosen
      ? ['chosen', chosen.path, chosen.version, sentence(choice as InterpreterChoice)]
      : ['chosen', '', '', (choice as BridgeError).message],
    ['embedded host', ...embeddedRow(found)],
    ['subprocess host', ...childRow(running.scripts, chosen)],
    ...(running.debugging.length > 0 ? running.debugging : [undefined]).map((info) => [
      'debugger',
      ...childRow(info, chosen),
    ]),
  ];
  const taken = chosen?.path;
  const places = inOrder(choice, candidates).map(({ path, source, reason, taken: works }) => [
    path === taken ? 'taken' : works ? 'works' : 'lost',
    path,
    source,
    works && path !== taken ? `${reason}; something before it was taken` : reason,
  ]);
  return [
    '# Python environments',
    table(['', 'interpreter', 'Python', 'why'], roles),
    ...(embeddedDiffers(found) ? [KEEPS] : []),
    '## Looked at, the first that works is taken',
    table(['', 'interpreter', 'found by', 'what it is'], places),
    'Change it with *Select Python Interpreter*, or with the setting `symphony.conductor.python`.',
    '',
  ].join('\n\n');
}

const KEEPS =
  'The embedded host keeps the Python it was started with until the window is reloaded. Until then the chosen one runs in the subprocess host.';

function sentence({ source }: InterpreterChoice): string {
  return `from ${source}`;
}

function embeddedRow({ embedded, embedding, doubt, choice, host }: Survey): string[] {
  const passedOver = doubt === null ? [] : [`passed over: ${doubt}`];
  if (embedded) {
    const runs = 'runs in this process, until the window is reloaded';
    return [embedded.path, embedded.version, [runs, ...passedOver].join('; ')];
  }
  if (!embedding || !('facts' in choice)) return ['', '', 'not started'];
  if (!embedding.ok) return ['', '', `not possible: ${embedding.reason}`];
  const { path, version } = choice.facts;
  if (doubt !== null) return [path, version, ...passedOver];
  const when = host === 'subprocess' ? 'not asked for' : 'starts with the first run';
  return [path, version, `${when}; ${embedding.reason}`];
}

function childRow(info: HostInfo | undefined, chosen: InterpreterFacts | null): string[] {
  if (info) return [info.executable, info.version, `runs as process ${info.pid}`];
  return chosen ? [chosen.path, chosen.version, 'starts when it is needed'] : ['', '', 'not started'];
}

/** Whether this process runs another Python than the one that is chosen, which only a reload changes. */
function embeddedDiffers({ choice, embedded }: Survey): boolean {
  return embedded !== null && 'facts' in choice && !isSamePython(embedded, choice.facts);
}

/** Those that were tried for the choice come first, in their order. */
function inOrder(choice: InterpreterChoice | BridgeError, candidates: readonly Candidate[]): Candidate[] {
  const tried = 'facts' in choice ? choice.candidates : [];
  const paths = new Set(tried.map(({ path }) => path));
  return [...tried, ...candidates.filter(({ path }) => !paths.has(path))];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replace(/[|\\]/g, '\\$&').replace(/\n/g, ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
