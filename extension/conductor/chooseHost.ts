/**
 * Purpose: from what the user asked for to a running host, with the reason in words.
 * Threads: JavaScript main thread.
 * Must not know: VS Code.
 */
import { BridgeError } from '../bridge/errors';
import { startEmbedded } from './embeddedHost';
import { runsHere } from './embeddedPython';
import { probeEmbedding } from './embeddingProbe';
import type { ConductorHost, HostChoice } from './host';
import type { HostSettings } from './hostSettings';
import { findInterpreter, type InterpreterSearch } from './interpreter';
import { SubprocessHost } from './subprocessHost';

/** What is asked for. */
export interface HostRequest {
  host: HostChoice;
  search: InterpreterSearch;
  settings: Omit<HostSettings, 'facts' | 'reason'>;
  cacheDir: string | undefined;
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
  const settings: HostSettings = { ...request.settings, facts, reason: '' };
  if (request.host === 'subprocess') {
    return SubprocessHost.start({ ...settings, reason: `asked for; Python from ${source}` });
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
  return SubprocessHost.start({ ...settings, reason: `embedding is not possible: ${verdict.reason}` });
}

async function embed(
  request: HostRequest,
  settings: HostSettings,
  source: string,
  proof: string,
): Promise<ConductorHost> {
  if (request.host === 'embedded')
    return startEmbedded({ ...settings, reason: `asked for; Python from ${source}` });
  try {
    return startEmbedded({
      ...settings,
      reason: `shared library found, ${proof}; Python from ${source}`,
    });
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    request.log(`embedding failed: ${error.message}`);
    return SubprocessHost.start({ ...settings, reason: `embedding failed: ${error.message}` });
  }
}
