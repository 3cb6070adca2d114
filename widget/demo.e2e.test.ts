/** The demo page as it is served: what a developer sees there of what the relay decided. */
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noise, wav } from '../relay/testing/speech.ts';
import type {} from './index.ts';
import { startBrowser, startRelay, type RunningRelay } from './testing/e2e.ts';

let relay: RunningRelay;
let browser: Browser;

beforeAll(async () => {
  relay = await startRelay();
  // A quiet room: nothing but what is typed.
  browser = await startBrowser({ microphone: wav(noise(20_000, -65)) });
}, 60_000);
afterAll(async () => {
  await browser.close();
  await relay.stop();
});

describe('the log of the demo page', () => {
  it('tells what policy decided, why, and how bad it was', async () => {
    const page = await browser.newPage();
    await page.goto(`${relay.origin}/demo/`, { waitUntil: 'load' });
    const said = async (words: string, expected: RegExp) => {
      await page.evaluate((text) => {
        const assistant = document.querySelector('voice-jib-jab');
        assistant?.send(text);
      }, words);
      const line = await page.waitForFunction(
        (pattern) =>
          [...document.querySelectorAll('#log li')]
            .map(({ textContent }) => textContent)
            .find((text) => new RegExp(pattern).test(text)),
        { timeout: 30_000 },
        expected.source,
      );
      return line.jsonValue();
    };
    await page.waitForSelector('#phrases button');
    await page.evaluate(() => document.querySelector('voice-jib-jab')?.start());
    await page.waitForFunction(() => document.querySelector('voice-jib-jab')?.readyState === 3);
    expect(await said('Should I invest my savings in your fund?', /policy.*disallowed_phrase/)).toMatch(
      /policy.*refuse, disallowed_phrase, severity medium: what the agent was about to say/,
    );
    expect(await said('I want to end my life.', /policy.*self_harm/)).toMatch(
      /policy.*escalate, self_harm, severity critical/,
    );
  }, 90_000);
});
