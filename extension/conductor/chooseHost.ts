/**
 * Purpose: from what the user asked for to a running host, with the reason in words.
 * Threads: JavaScript main thread.
 * Must not know: VS Code.
 */
import { hasAddon } from '../bridge/addon';
import { BridgeError } from '../bridge/errors';
import type { BlackBox } from './crash/blackBox';
import type { Sentinel } from './crash/sentinel';
import { startEmbedded } from './embeddedHost';
import { runsHere } from './embeddedPython';
import { embeddingKey, probeEmbedding } from './embeddingProbe';
import type { ConductorHost, HostChoice } from './host';
import type { HostSettings } from './hostSettings';
import { findInterpreter, type InterpreterSearch } from './interpreter';
import type { InterpreterFacts } from './probe';
import { SubprocessHost } from './subprocessHost';

/** What is asked for. */
export interface HostRequest {
  host: HostChoice;
  search: InterpreterSearch;
  settings: Omit<HostSettings, 'facts' | 'reason' | 'fellBack'>;
  cacheDir: string | undefined;
  blackBox: BlackBox | undefined;
  log(line: string): void;
}

/**
 * Finds the interpreter and starts the host.
 * @throws BridgeError `interpreter-invalid`, `embedding-unavailable`, `embedding-failed`, `start-failed`
 */
export async function chooseHost(request: HostRequest): Promise<ConductorHost> {
  const { facts, source, candidates } = await findInterpreter(request.search);
  for (const { path, source: from, taken, reason } of candidates) {
    request.log(`${taken ? 'taken' : 'passed over'}: ${path} (${from}): ${reason}`);
  }
  const settings: HostSettings = { ...request.settings, facts, reason: '', fellBack: false };
  if (request.host === 'subprocess') return startChild(request, settings, `asked for; Python from ${source}`);
  request.blackBox?.settle();
  const doubt = request.host === 'auto' ? await doubtOf(request.blackBox, settings.root, facts) : null;
  if (doubt !== null) {
    return startChild(request, { ...settings, fellBack: true }, `embedding is passed over: ${doubt}`);
  }
  const verdict = runsHere(settings)
    ? { ok: true, reason: 'this process runs it already' }
    : await probeEmbedding(settings.root, facts, request.cacheDir);
  request.log(`embedding ${verdict.ok ? 'works' : 'is not possible'}: ${verdict.reason}`);
  if (verdict.ok) return embed(request, settings, source, verdict.reason);
  if (request.host === 'embedded') {
    throw new BridgeError(`Python cannot run inside this process: ${verdict.reason}`, {
      code: 'embedding-unavailable',
      hint: 'Use the subprocess host (--host subprocess), or a Python with a shared library (Debian: libpython3-dev).',
    });
  }
  return startChild(request, settings, `embedding is not possible: ${verdict.reason}`);
}

/** Why `auto` leaves this Python to a child although it could be embedded; null when it does not. */
export async function doubtOf(
  blackBox: BlackBox | undefined,
  root: string,
  { path, libpython }: InterpreterFacts,
): Promise<string | null> {
  if (!blackBox || libpython === null || !hasAddon(root)) return null;
  const doubt = blackBox.doubtOf(await embeddingKey(root, path, libpython));
  if (!doubt) return null;
  const time = new Date(doubt.atMs).toLocaleString();
  return `${doubt.why} (${time}). “Try Embedded Again” is the way back`;
}

async function startChild(
  { blackBox }: HostRequest,
  settings: HostSettings,
  reason: string,
): Promise<SubprocessHost> {
  const host = await SubprocessHost.start({ ...settings, reason });
  host.onDidExit((exit) => {
    if (!exit.expected) blackBox?.childCrashed(host.info, settings.workspace, exit);
  });
  return host;
}

async function embed(
  request: HostRequest,
  settings: HostSettings,
  source: string,
  proof: string,
): Promise<ConductorHost> {
  const sentinel = await sentinelFor(request.blackBox, settings);
  if (request.host === 'embedded')
    return startEmbedded({ ...settings, reason: `asked for; Python from ${source}` }, sentinel);
  try {
    const reason = `shared library found, ${proof}; Python from ${source}`;
    return startEmbedded({ ...settings, reason }, sentinel);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    request.log(`embedding failed: ${error.message}`);
    return startChild(request, settings, `embedding failed: ${error.message}`);
  }
}

async function sentinelFor(
  blackBox: BlackBox | undefined,
  { root, facts, workspace, traceFile }: HostSettings,
): Promise<Sentinel | null> {
  if (!blackBox || facts.libpython === null) return null;
  const key = await embeddingKey(root, facts.path, facts.libpython);
  return blackBox.sentinel({ key, interpreter: facts.path, version: facts.version, workspace, traceFile });
}
