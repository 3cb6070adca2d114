/**
 * Conversations that outlive their connection and their page, in Chromium: the wire is cut while the person speaks and
 * while the agent does, and the page is left for another one in the same tab.
 */
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ChaosProxy } from '../relay/testing/chaos-proxy.ts';
import { concat, silence, speech, wav } from '../relay/testing/speech.ts';
import type {} from './index.ts';
import {
  embedPage,
  startBrowser,
  startCustomerSite,
  startRelay,
  type CustomerSite,
  type RunningRelay,
} from './testing/e2e.ts';

let relay: RunningRelay;
let proxy: ChaosProxy;
let site: CustomerSite;
let browser: Browser;

beforeAll(async () => {
  site = await startCustomerSite();
  relay = await startRelay({ ALLOWED_ORIGINS: site.origin });
  proxy = await ChaosProxy.listen(Number(new URL(relay.origin).port));
});
afterAll(async () => {
  await proxy.close();
  await relay.stop();
  await site.close();
});
afterEach(() => browser.close());

type Logged = { type: string; state?: string; replayed?: boolean; role?: string; text?: string; reason?: string };
declare global {
  interface Window {
    told: Logged[];
  }
}

/** A page whose widget's events are kept. */
async function open(attributes: string, microphone: Int16Array): Promise<Page> {
  site.html = embedPage(relay.origin, `open debug src="http://localhost:${proxy.port}" ${attributes}`);
  browser = await startBrowser({ microphone: wav(microphone) });
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(() => {
    window.told = [];
    document.addEventListener('DOMContentLoaded', () => {
      const element = document.querySelector('voice-jib-jab') as HTMLElement;
      for (const type of ['start', 'end', 'reconnecting', 'reconnected', 'turnend', 'error', 'transcript', 'debug'])
        element.addEventListener(type, (event) => {
          const { detail, replayed, reason, entry } = event as unknown as {
            detail?: { type: string; state?: string };
            replayed?: boolean;
            reason?: string;
            entry?: { role: string; text: string };
          };
          const said = entry ? { role: entry.role, text: entry.text } : {};
          const told: Logged = { type: detail ? `debug ${detail.type}` : type, ...said };
          if (detail?.state) told.state = detail.state;
          if (replayed !== undefined) told.replayed = replayed;
          if (reason !== undefined) told.reason = reason;
          window.told.push(told);
        });
    });
  });
  await page.goto(site.origin, { waitUntil: 'load' });
  await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
  return page;
}

const start = (page: Page) => page.locator('voice-jib-jab >>> [data-id=mic]').click();
const told = (page: Page, type: string) =>
  page.evaluate((wanted) => window.told.filter((one) => one.type === wanted), type);
const until = (page: Page, type: string, count = 1) =>
  page.waitForFunction(
    (wanted, least) => window.told.filter((one) => one.type === wanted).length >= least,
    { timeout: 25_000 },
    type,
    count,
  );
const untilState = (page: Page, state: string) =>
  page.waitForFunction((wanted) => window.told.some((one) => one.state === wanted), { timeout: 25_000 }, state);

describe('a conversation whose wire is cut', () => {
  it.each(['LISTENING', 'B_PLAYING'])('in %s goes on as if nothing had been', async (state) => {
    const question = await speech('What is two plus three?');
    const page = await open('', concat(silence(1_500), question, silence(20_000)));
    await start(page);
    await untilState(page, state);
    proxy.cut('reset');
    await until(page, 'turnend');
    await until(page, 'debug session.resumed');
    const lines = await told(page, 'transcript');
    expect(lines.findLast(({ role }) => role === 'user')?.text).toMatch(/two plus three/i);
    expect(lines.findLast(({ role }) => role === 'agent')?.text).toMatch(/five/i);
    expect(await told(page, 'debug session.created')).toHaveLength(1);
    // Nobody noticed: a gap of less than a second is no news.
    expect([await told(page, 'reconnecting'), await told(page, 'reconnected'), await told(page, 'error')]).toEqual([
      ...[[], [], []],
    ]);
  });
});

describe('a page that is left for another one of the same tab', () => {
  it('goes on there, with its words, where it is to', async () => {
    const question = await speech('What is two plus three?');
    const page = await open('resume="tab"', concat(silence(1_500), question, silence(20_000)));
    await start(page);
    await until(page, 'turnend');
    const session = await page.evaluate(() => document.querySelector('voice-jib-jab')?.sessionId);
    await page.goto(`${site.origin}/next`, { waitUntil: 'load' });
    await until(page, 'reconnected');
    const next = await page.evaluate(() => {
      const element = document.querySelector('voice-jib-jab');
      return {
        session: element?.sessionId,
        words: element?.transcript.map(({ text }) => text).join(' '),
        kept: Object.keys(sessionStorage).filter((key) => key.includes('call:')),
        local: JSON.stringify(Object.keys(localStorage)),
      };
    });
    expect(next.session).toBe(session);
    expect(next.words).toMatch(/two plus three.*five/i);
    expect([next.kept, next.local]).toEqual([[], '[]']);
    expect(await told(page, 'reconnected')).toMatchObject([{ replayed: true }]);
    expect(await told(page, 'debug session.created')).toEqual([]);
  });

  it('ends, and leaves nothing behind, where it is not', async () => {
    const page = await open('', silence(5_000));
    await start(page);
    await until(page, 'start');
    await page.goto(`${site.origin}/next`, { waitUntil: 'load' });
    await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
    expect(await page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.includes('call:')))).toEqual([]);
    expect(await page.evaluate(() => document.querySelector('voice-jib-jab')?.readyState)).toBe(1);
  });
});
