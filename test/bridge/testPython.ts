/**
 * Purpose: with which Python these tests, and the programs that they start, open their bridges.
 * Threads: JavaScript main thread only.
 * Must not know: what is tested.
 */
import { join } from 'node:path';
import type { OpenOptions } from '../../extension/conductor/openBridge';

/** The interpreter that a run of the suite is for; undefined is the default one. */
export const TEST_PYTHON = process.env.SYMPHONY_TEST_PYTHON;

/** Part of the options of every bridge. That a Python can be embedded is found out once, not by every process. */
export const openingWith: OpenOptions = {
  python: TEST_PYTHON,
  cacheDir: join(process.cwd(), 'dist', 'test', 'trials'),
};
