/**
 * The stage of a spoken conversation end to end: emulator, built relay, a customer's page with a
 * button that begins the call, and a microphone that says what it is given in a quiet room.
 */
import type { Browser, Page } from 'puppeteer-core';
import { startEmulator, type Emulator } from '../../relay/emulator/emulator.ts';
import { mix, noise, wav } from '../../relay/testing/speech.ts';
import { RATE_HZ } from '../../relay/wire/index.ts';
import type {} from '../index.ts';
import { embedPage, openRecorded, startBrowser, startCustomerSite, startRelay, type RunningRelay } from './e2e.ts';

/** Noise of a quiet room, dBFS. */
const ROOM_DB = -58;

/** A room is never digitally silent; without its noise the browser's gain control overshoots. */
const inRoom = (said: Int16Array) => wav(mix(said, noise((said.length * 1000) / RATE_HZ, ROOM_DB, 5)));

export interface Stage {
  emulator: Emulator;
  relay: RunningRelay;
  /**
   * Opens the customer's page, recorded; a click on `#begin` starts the call. One page at a time.
   *
   * @param said - By the microphone; null leaves the device that beeps.
   */
  open(said: Int16Array | null, attributes?: string): Promise<Page>;
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function startStage(): Promise<Stage> {
  const emulator = await startEmulator();
  const site = await startCustomerSite();
  const relay = await startRelay({
    ALLOWED_ORIGINS: site.origin,
    OPENAI_API_KEY: 'sk-for-the-emulator',
    OPENAI_BASE_URL: emulator.url,
    // A busy machine is no silent policy.
    POLICY_BUDGET_MS: '10000',
  });
  let browser: Browser | undefined;
  return {
    ...{ emulator, relay },
    async open(said, attributes = '') {
      site.html = embedPage(relay.origin, `open ${attributes}`);
      browser = await startBrowser(said === null ? {} : { microphone: inRoom(said) });
      const page = await openRecorded(browser, site.origin);
      await page.evaluate(() => {
        const assistant = document.querySelector('voice-jib-jab');
        const button = document.createElement('button');
        button.id = 'begin';
        button.textContent = 'Begin';
        button.onclick = () => void assistant?.start();
        document.body.prepend(button);
      });
      return page;
    },
    async clear() {
      await browser?.close();
      browser = undefined;
    },
    async stop() {
      await relay.stop();
      await site.close();
      await emulator.close();
    },
  };
}
