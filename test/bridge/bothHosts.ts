/**
 * Purpose: runs a test once per kind of host, each on a bridge of its own.
 * Threads: JavaScript main thread only.
 * Must not know: what is tested.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { BridgeError } from '../../extension/bridge/errors';
import type { HostKind } from '../../extension/conductor/host';
import {
  type Bridge,
  type EmbeddedBridge,
  type OpenOptions,
  openBridge,
} from '../../extension/conductor/openBridge';
import { openingWith } from './testPython';

export const FIXTURES = join(__dirname, '..', 'fixtures');
export const SCRIPTS = join(FIXTURES, 'scripts');
export const HOSTS: readonly HostKind[] = ['embedded', 'subprocess'];

const scratch: string[] = [];
after(() => {
  for (const folder of scratch) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is gone after the test file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bridge-test-'));
  scratch.push(folder);
  return folder;
}

/** A bridge whose Python finds `bridge_fixture`; closed when the test ends. */
export async function openForTest(
  t: TestContext,
  host: HostKind | 'auto',
  options: OpenOptions = {},
): Promise<Bridge> {
  const folder = scratchFolder();
  const bridge = await openBridge({
    ...openingWith,
    host,
    workspace: folder,
    pitHome: join(folder, 'pit'),
    ...options,
  });
  t.after(() => bridge.close());
  await bridge.call('sys:path.insert', [0, join(FIXTURES, 'python')]);
  return bridge;
}

/** As `openForTest`, with the synchronous calls that only the embedded host has. */
export async function openEmbedded(t: TestContext): Promise<EmbeddedBridge> {
  return (await openForTest(t, 'embedded')) as EmbeddedBridge;
}

/** One test per host. */
export function onBothHosts(name: string, body: (bridge: Bridge, t: TestContext) => Promise<void>): void {
  for (const host of HOSTS) {
    test(`${host}: ${name}`, async (t) => body(await openForTest(t, host), t));
  }
}

/** Collects what Python prints. */
export function recordOutput(bridge: Bridge): { stdout: string; stderr: string } {
  const seen = { stdout: '', stderr: '' };
  bridge.onDidOutput(({ stream, text }) => {
    seen[stream] += text;
  });
  return seen;
}

/** The error that a synchronous call throws. */
export function thrown(body: () => unknown): BridgeError {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof BridgeError, String(error));
    return error;
  }
  throw new Error('nothing was thrown');
}

/** The error a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: Error) => ({ error }),
  );
  if ('error' in outcome) return outcome.error;
  throw new Error(`it did not reject, but gave ${String(outcome.value)}`);
}
