/** Firefox for tests, with a sound card of the test's own. Without one its audio clock stands still. */
import puppeteer, { type Browser } from 'puppeteer-core';
import { FIREFOX_PREFS, findFirefox } from '../../scripts/firefox.mjs';
import type { SoundCard } from './pulse.ts';

/** It takes its time on a busy machine. */
const START_MS = 90_000;

/** @throws when Firefox is not installed, with the command that brings it. */
export async function startFirefox(card: SoundCard): Promise<Browser> {
  const executablePath = findFirefox();
  if (executablePath === undefined) throw new Error('no Firefox; npm run test:firefox says what to install');
  return puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    timeout: START_MS,
    protocolTimeout: START_MS,
    extraPrefsFirefox: FIREFOX_PREFS,
    env: { ...process.env, ...card.env },
  });
}
