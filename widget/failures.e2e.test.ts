/** What a person reads when a call cannot begin: each cause has its own words and its own way out. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  embedPage,
  freePort,
  startBrowser,
  startCustomerSite,
  startRelay,
  type BrowserOptions,
  type CustomerSite,
  type RunningRelay,
} from './testing/e2e.ts';

let relay: RunningRelay;
let site: CustomerSite;
let foreign: CustomerSite;

beforeAll(async () => {
  site = await startCustomerSite();
  foreign = await startCustomerSite();
  relay = await startRelay({ ALLOWED_ORIGINS: site.origin });
});
afterAll(async () => {
  await relay.stop();
  await site.close();
  await foreign.close();
});

/** Starts a call by a real click, and returns the error's code and all words in the panel. */
async function failingCall(from: CustomerSite, html: string, options: BrowserOptions = {}) {
  from.html = html;
  const browser = await startBrowser(options);
  try {
    const page = await browser.newPage();
    if (options.withoutPermission) {
      const devtools = await page.createCDPSession();
      await devtools.send('Browser.setPermission', {
        permission: { name: 'microphone' },
        setting: 'denied',
        origin: from.origin,
      });
    }
    await page.goto(from.origin);
    await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
    await page.evaluate(() => {
      const element = document.querySelector('voice-jib-jab') as HTMLElement & { start(): Promise<void> };
      const button = document.createElement('button');
      button.id = 'begin';
      button.textContent = 'Begin';
      button.onclick = () => void element.start().catch(() => undefined);
      document.body.prepend(button);
    });
    await page.click('#begin');
    await page.waitForFunction(
      () => (document.querySelector('voice-jib-jab') as unknown as { error: unknown }).error !== null,
    );
    return await page.evaluate(() => {
      const element = document.querySelector('voice-jib-jab') as HTMLElement & { error: { code: string } };
      const alert = element.shadowRoot?.querySelector('[part~="error"]');
      return { code: element.error.code, words: alert?.textContent.replace(/\s+/g, ' ').trim() ?? '' };
    });
  } finally {
    await browser.close();
  }
}

describe('a call that cannot begin', () => {
  const words: string[] = [];

  it('says that the microphone was denied, and where to allow it', async () => {
    const shown = await failingCall(site, embedPage(relay.origin, 'open'), { withoutPermission: true });
    expect(shown.code).toBe('MIC_DENIED');
    expect(shown.words).not.toBe('');
    words.push(shown.words);
  });

  it('says that there is no microphone', async () => {
    const shown = await failingCall(site, embedPage(relay.origin, 'open'), { withoutDevice: true });
    expect(shown.code).toBe('MIC_NOT_FOUND');
    words.push(shown.words);
  });

  it('says that the relay cannot be reached', async () => {
    const nobody = `http://localhost:${await freePort()}`;
    const shown = await failingCall(site, embedPage(relay.origin, `open src="${nobody}"`));
    expect(shown.code).toBe('NETWORK');
    words.push(shown.words);
  });

  it('says that this page may not use the key', async () => {
    const shown = await failingCall(foreign, embedPage(relay.origin, 'open'));
    expect(shown.code).toBe('ORIGIN_DENIED');
    words.push(shown.words);
  });

  it('uses different words for each', () => {
    expect(new Set(words).size).toBe(words.length);
  });
});
