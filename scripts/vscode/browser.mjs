// Opens the machine's Chromium without a window.
import { chromium } from 'playwright-core';
import { StepError } from '../lib/run.mjs';
import { findBrowser } from '../lib/setup.mjs';

/** @returns {Promise<import('playwright-core').Browser>} */
export async function openBrowser() {
  const executablePath = findBrowser();
  if (!executablePath) throw new StepError('No Chromium was found: apt-get install chromium');
  // Chromium's own sandbox needs user namespaces, which root in a container does not have.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args, handleSIGINT: false, handleSIGTERM: false });
}
