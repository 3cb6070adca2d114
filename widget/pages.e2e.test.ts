/**
 * The widget on pages as they are: included twice, inserted late, moved, kept for the way back,
 * without storage, with hardened prototypes, in frames and in other people's shadow roots.
 */
import type { Browser, Frame, Page } from 'puppeteer-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launcherHtml } from './ssr.ts';
import { startBrowser, startCustomerSite, startRelay, type CustomerSite, type RunningRelay } from './testing/e2e.ts';

let relay: RunningRelay;
let site: CustomerSite;
let frame: CustomerSite;
let browser: Browser;
let faults: string[] = [];
beforeAll(async () => {
  site = await startCustomerSite();
  frame = await startCustomerSite();
  relay = await startRelay({ ALLOWED_ORIGINS: `${site.origin},${frame.origin}` });
  browser = await startBrowser({ backForwardCache: true });
});
afterAll(async () => {
  await browser.close();
  await relay.stop();
  await site.close();
  await frame.close();
});
beforeEach(() => {
  faults = [];
});

const script = (query = '') => `<script type="module" src="${relay.origin}/voice-jib-jab.js${query}"></script>`;
const ELEMENT = '<voice-jib-jab tenant="pk_demo"></voice-jib-jab>';
const html = (body: string) =>
  `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,"><body><button id="begin">Begin</button>${body}</body></html>`;

async function open(body: string, before?: () => void): Promise<Page> {
  site.html = html(body);
  const page = await browser.newPage();
  page.on('pageerror', (error) => faults.push(String(error)));
  if (before) await page.evaluateOnNewDocument(before);
  await page.goto(site.origin, { waitUntil: 'networkidle0' });
  await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
  return page;
}
/** Presses the launcher and waits for what comes of it: `live`, or an error's code. */
async function talk(page: Page | Frame, pill = 'voice-jib-jab >>> .launcher'): Promise<string> {
  await page.waitForSelector(pill);
  await page.click(pill);
  const outcome = await page.waitForFunction(
    (selector) => {
      let element = document.querySelector('voice-jib-jab');
      for (const host of document.querySelectorAll('[data-host]'))
        element ??= host.shadowRoot!.querySelector('voice-jib-jab');
      if (element === null) throw new Error(`no element behind ${selector}`);
      return element.readyState === 3 ? 'live' : (element.error?.code ?? '');
    },
    {},
    pill,
  );
  return await outcome.jsonValue();
}
async function finish(page: Page): Promise<void> {
  expect(faults).toEqual([]);
  await page.close();
}

describe('a page', () => {
  it('may include the script twice, under two addresses and as a classic script', async () => {
    const classic = `<script src="${relay.origin}/voice-jib-jab.classic.js"></script>`;
    const page = await open(`${script()}${script('?ver=6.5')}${classic}${ELEMENT}`);
    expect(await talk(page)).toBe('live');
    await finish(page);
  });

  it('may insert the element late, with properties set before the script came', async () => {
    const page = await open(`${script()}<script>
      const early = document.createElement('voice-jib-jab');
      early.tenant = 'pk_demo';
      early.context = 'on /prices';
      early.strings = { talk: 'Ask Ada' };
      early.tools = [{ name: 'f', description: '', parameters: {}, handler: () => 1 }];
      window.early = early;
    </script>`);
    await page.evaluate(() => document.body.append((window as unknown as { early: HTMLElement }).early));
    const known = await page.evaluate(async () => {
      const element = document.querySelector('voice-jib-jab')!;
      await element.updateComplete;
      const { context, tools } = element;
      return [context, tools.length, element.shadowRoot!.querySelector('.launcher')!.textContent.trim()];
    });
    expect(known).toEqual(['on /prices', 1, 'Ask Ada']);
    expect(await talk(page)).toBe('live');
    await finish(page);
  });

  it('may move the element while a call goes on', async () => {
    const page = await open(`${script()}${ELEMENT}<main></main>`);
    expect(await talk(page)).toBe('live');
    const state = await page.evaluate(async () => {
      const element = document.querySelector('voice-jib-jab')!;
      document.querySelector('main')!.append(element);
      await element.updateComplete;
      return [element.readyState, element.shadowRoot!.querySelectorAll('.panel').length];
    });
    expect(state).toEqual([3, 1]);
    await finish(page);
  });

  it('that is left and come back to has let go of the microphone, and may talk again', async () => {
    const page = await open(`${script()}${ELEMENT}<script>
      addEventListener('pageshow', (event) => (window.wasKept = event.persisted));
    </script>`);
    expect(await talk(page)).toBe('live');
    await page.goto('about:blank');
    await page.goBack();
    const back = await page.evaluate(() => ({
      wasKept: (window as unknown as { wasKept: boolean }).wasKept,
      state: document.querySelector('voice-jib-jab')!.readyState,
    }));
    // Ended where the browser kept the page; as at first where it loaded it again.
    expect(back.state).toBe(back.wasKept ? 5 : 1);
    await page.evaluate(() => document.querySelector('voice-jib-jab')!.hide());
    expect(await talk(page)).toBe('live');
    await finish(page);
  });

  it('may block all storage', async () => {
    const page = await open(`${script()}<voice-jib-jab tenant="pk_demo" storage="local"></voice-jib-jab>`, () => {
      for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) {
        Object.defineProperty(window, name, {
          get() {
            throw new DOMException('blocked', 'SecurityError');
          },
        });
      }
    });
    expect(await talk(page)).toBe('live');
    await page.evaluate(() => document.querySelector('voice-jib-jab')!.setSinkId(''));
    await finish(page);
  });

  it('may freeze what others patch', async () => {
    const page = await open(`${script()}${ELEMENT}`, () => {
      for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent']) {
        Object.defineProperty(EventTarget.prototype, name, { writable: false, configurable: false });
      }
      Object.freeze(EventTarget.prototype);
      Object.freeze(Object.prototype);
    });
    expect(await talk(page)).toBe('live');
    await finish(page);
  });

  it('may hold it in a shadow root of its own', async () => {
    const page = await open(`${script()}<div data-host lang="de"></div><script>
      const root = document.querySelector('[data-host]').attachShadow({ mode: 'open' });
      root.innerHTML = '${ELEMENT}';
    </script>`);
    const word = await page.waitForSelector('[data-host] >>> .launcher');
    expect(await word!.evaluate((pill) => pill.textContent.trim())).toBe('Sprechen');
    expect(await talk(page, '[data-host] >>> .launcher')).toBe('live');
    await finish(page);
  });
});

describe('in a frame of another origin', () => {
  it.each([
    ['with the microphone delegated, a call starts', 'microphone; autoplay', 'live'],
    ['without it, the person is told what to do instead', '', 'POLICY_BLOCKED'],
  ])('%s', async (_name, allow, expected) => {
    frame.html = html(`${script()}${ELEMENT}`);
    const page = await open(
      `${script()}<iframe src="${frame.origin}" allow="${allow}" width="900" height="600"></iframe>`,
    );
    const inside = await page.waitForFrame((one) => one.url().startsWith(frame.origin));
    expect(await talk(inside)).toBe(expected);
    await finish(page);
  });
});

it('takes the place of a launcher that the server rendered, where it stands and only once', async () => {
  site.html = html(launcherHtml({ attributes: { tenant: 'pk_demo', lang: 'de' } }));
  const page = await browser.newPage();
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(site.origin, { waitUntil: 'networkidle0' });
  const look = () =>
    page.evaluate(() => {
      const pills = [...document.querySelector('voice-jib-jab')!.shadowRoot!.querySelectorAll('.launcher')];
      const { x, y, width, height } = pills[0]!.getBoundingClientRect();
      return { pills: pills.length, word: pills[0]!.textContent.trim(), box: [x, y, width, height].map(Math.round) };
    });
  const painted = await look();
  expect(painted).toMatchObject({ pills: 1, word: 'Sprechen' });
  await page.addScriptTag({ url: `${relay.origin}/voice-jib-jab.js`, type: 'module' });
  await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
  expect(await look()).toEqual(painted);
  expect(await talk(page)).toBe('live');
  await finish(page);
});
