/**
 * The widget on pages with a Content-Security-Policy: under each, a call that a real click starts
 * and the page's own reports of what the policy refused, with the whole network log.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { en } from './labels/en.ts';
import { startBrowser, startCustomerSite, startRelay, type CustomerSite, type RunningRelay } from './testing/e2e.ts';

let relay: RunningRelay;
let site: CustomerSite;
let browser: Browser;
beforeAll(async () => {
  site = await startCustomerSite();
  relay = await startRelay({ ALLOWED_ORIGINS: site.origin });
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await relay.stop();
  await site.close();
});

interface Seen {
  violations: string[];
}
declare global {
  interface Window {
    policySeen: Seen;
  }
}

const MODULE = (nonce = '') => `<script type="module" src="RELAY/voice-jib-jab.js"${nonce}></script>`;
const CLASSIC = (nonce = '') => `<script src="RELAY/voice-jib-jab.classic.js"${nonce}></script>`;
const NONCE = ' nonce="abc"';

async function open(policy: string, script: string, attributes = '') {
  const { origin } = relay;
  const fill = (text: string) =>
    text
      .replaceAll('WS_RELAY', origin.replace('http', 'ws'))
      .replaceAll('RELAY', origin)
      .replaceAll('SITE', site.origin);
  site.headers = {
    'content-security-policy': fill(`default-src 'none'; img-src data:; connect-src RELAY WS_RELAY; ${policy}`),
  };
  site.html = fill(
    `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,"><body><h1>Shop</h1>${script}` +
      `<voice-jib-jab tenant="pk_demo" ${attributes}></voice-jib-jab></body></html>`,
  );
  const page = await browser.newPage();
  const requests: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith('data:')) requests.push(request.url());
  });
  await page.evaluateOnNewDocument(() => {
    window.policySeen = { violations: [] };
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      window.policySeen.violations.push(`${violatedDirective} ${blockedURI}`),
    );
  });
  await page.goto(site.origin, { waitUntil: 'networkidle0' });
  await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
  return { page, requests };
}
const settled = (page: Page) =>
  page.waitForFunction(() => {
    const element = document.querySelector('voice-jib-jab')!;
    return element.readyState === 3 || element.error !== null;
  });
const outcome = (page: Page) =>
  page.evaluate(() => {
    const element = document.querySelector('voice-jib-jab')!;
    const pill = element.shadowRoot!.querySelector('.panel, .launcher')!;
    return {
      state: element.readyState,
      error: element.error?.code ?? null,
      violations: window.policySeen.violations,
      isStyled: getComputedStyle(pill).borderTopStyle === 'solid',
    };
  });
const live = { state: 3, error: null, violations: [], isStyled: true };

describe.each([
  ['that names the relay', `script-src RELAY; style-src 'self'`, MODULE()],
  ['that names the relay, with the classic script', `script-src RELAY; style-src 'self'`, CLASSIC()],
  [
    'that trusts what a trusted script loads',
    `script-src 'nonce-abc' 'strict-dynamic'; style-src 'self'`,
    MODULE(NONCE),
  ],
  [
    'of that kind, with the classic script',
    `script-src 'nonce-abc' 'strict-dynamic'; style-src 'none'`,
    CLASSIC(NONCE),
  ],
  [
    'with Trusted Types',
    `script-src RELAY; style-src 'self'; require-trusted-types-for 'script'; trusted-types lit-html`,
    MODULE(),
  ],
])('under a policy %s', (_name, policy, script) => {
  it('a click starts a call, nothing is refused, and nobody else is asked for anything', async () => {
    const { page, requests } = await open(policy, script);
    const before = requests.map((url) => new URL(url).pathname);
    // The page, the script and the launcher: nothing before somebody wants to talk.
    const first = /^\/$|\/voice-jib-jab(\.classic|\.launcher\.[0-9a-f]+)?\.js$/;
    expect(before.filter((path) => !first.test(path))).toEqual([]);
    expect(before.some((path) => path.includes('.launcher.'))).toBe(true);
    await page.click('voice-jib-jab >>> .launcher');
    await settled(page);
    expect(await outcome(page)).toEqual(live);
    const origins = new Set(requests.map((url) => new URL(url).origin));
    expect([...origins].sort()).toEqual([site.origin, relay.origin].sort());
    await page.close();
  });
});

describe('under a policy of nonces alone', () => {
  const policy = `script-src 'nonce-abc'; style-src 'self'`;

  it('no worklet may be loaded: the call says so, and typing works', async () => {
    const { page } = await open(policy, MODULE(NONCE));
    await page.click('voice-jib-jab >>> .launcher');
    await settled(page);
    const { error, violations, isStyled } = await outcome(page);
    expect([error, isStyled]).toEqual(['CSP_WORKLET', true]);
    expect(violations.filter((one) => !/worklet|blob/.test(one))).toEqual([]);
    // What the person is told: what is the matter, and what goes on all the same.
    const told = await page.$eval('voice-jib-jab >>> .problem', (problem) => [
      problem.querySelector('.sentence')?.textContent.trim(),
      problem.querySelector('.action')?.textContent.trim(),
    ]);
    expect(told).toEqual([en.errors.CSP_WORKLET, en.actions.text]);
    await page.click('voice-jib-jab >>> .problem .action');
    await page.type('voice-jib-jab >>> [part~=input]', 'Hello');
    await page.keyboard.press('Enter');
    await settled(page);
    expect(await page.evaluate(() => document.querySelector('voice-jib-jab')!.readyState)).toBe(3);
    await page.close();
  });

  it('a call that may do without a microphone goes on in writing', async () => {
    const { page } = await open(policy, MODULE(NONCE), 'mode="auto"');
    await page.click('voice-jib-jab >>> .launcher');
    await settled(page);
    expect(await outcome(page)).toMatchObject({ state: 3, error: null });
    await page.close();
  });
});

describe('under a policy of nonces and one file', () => {
  const WORKLET = 'voice-jib-jab.worklet.js';
  const worklet = readFileSync(path.resolve(import.meta.dirname, '../dist', WORKLET), 'utf8');
  afterAll(() => {
    site.scripts = {};
  });

  it.each([
    ["the relay's worklet is named", `RELAY/v/`, ''],
    ["the page's own copy is named", `SITE/voice/${WORKLET}`, 'worklet-base="/voice/"'],
  ])('a click starts a call with sound where %s', async (_name, allowed, attributes) => {
    site.scripts = { [`/voice/${WORKLET}`]: worklet };
    const { page } = await open(`script-src 'nonce-abc' ${allowed}; style-src 'self'`, MODULE(NONCE), attributes);
    await page.click('voice-jib-jab >>> .launcher');
    await settled(page);
    const { state, error, violations } = await outcome(page);
    expect([state, error]).toEqual([3, null]);
    // The browser says that the relay's own was tried first.
    expect(violations.filter((one) => !one.includes(WORKLET))).toEqual([]);
    await page.close();
  });
});

describe('where consent is required', () => {
  it('nothing leaves the page and nothing is kept before the person has agreed', async () => {
    const { page, requests } = await open(
      `script-src RELAY; style-src 'self'`,
      MODULE(),
      'consent="required" preload="intent" lang="de"',
    );
    const seen = requests.length;
    // The pointer comes near, the pill is pressed, the question is read: the network hears of none of it.
    await page.hover('voice-jib-jab >>> .launcher');
    await page.click('voice-jib-jab >>> .launcher');
    await page.waitForSelector('voice-jib-jab >>> [role=alertdialog]');
    await page.waitForNetworkIdle({ idleTime: 300 });
    expect(requests.slice(seen)).toEqual([]);
    const kept = () => page.evaluate(() => [sessionStorage.length, localStorage.length, document.cookie]);
    const scripts = /^\/$|\/voice-jib-jab[a-z0-9.-]*\.js$/;
    expect(requests.map((url) => new URL(url).pathname).filter((path) => !scripts.test(path))).toEqual([]);
    expect(await kept()).toEqual([0, 0, '']);
    // The page's own button may say it too.
    await page.evaluate(() => {
      const agree = document.createElement('button');
      agree.id = 'agree';
      agree.textContent = 'Agree';
      agree.onclick = () => document.querySelector('voice-jib-jab')!.setConsent(true);
      document.body.prepend(agree);
    });
    await page.click('#agree');
    await settled(page);
    expect(await outcome(page)).toEqual(live);
    expect(await kept()).not.toEqual([0, 0, '']);
    await page.close();
  });
});
