/**
 * The whole way of whoever hosts the relay: from the link that its first start prints to the record
 * of a conversation on a customer's page. Built files, a real relay, Chromium.
 */
import type { Browser, ElementHandle, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  startBrowser,
  startCustomerSite,
  startRelay,
  type CustomerSite,
  type RunningRelay,
} from '../../widget/testing/e2e.ts';
import { TWICE, cutOff, forceColors, unseenFocus } from '../../widget/testing/sight.ts';

const PASSWORD = 'correct horse battery';
let relay: RunningRelay;
let site: CustomerSite;
let browser: Browser;
let page: Page;
/** What must not be: refusals of the policy, errors, warnings. */
const faults: string[] = [];

beforeAll(async () => {
  site = await startCustomerSite();
  relay = await startRelay();
  browser = await startBrowser();
  page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 900 });
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warn', 'issue'].includes(message.type()))
      faults.push(`${message.type()}: ${message.text()} ${message.location().url ?? ''}`);
  });
  await page.evaluateOnNewDocument(installHands);
});
afterAll(async () => {
  await browser.close();
  await relay.stop();
  await site.close();
});

interface Hands {
  text(): string;
  named(selector: string, name: string): HTMLElement | undefined;
  find(selector: string): Element | undefined;
}
declare global {
  interface Window {
    hands: Hands;
    violations: string[];
  }
}

/** Runs in the page: eyes and hands that reach into shadow roots. */
function installHands(): void {
  const all = (root: ParentNode): Element[] =>
    [...root.querySelectorAll('*')].flatMap((one) => [one, ...(one.shadowRoot === null ? [] : all(one.shadowRoot))]);
  const textOf = (node: Node): string =>
    node instanceof Text
      ? node.data
      : [...(node instanceof Element && node.shadowRoot !== null ? node.shadowRoot : node).childNodes]
          .map(textOf)
          .join('');
  const words = (node: Node) => textOf(node).replace(/\s+/g, ' ').trim();
  window.violations = [];
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    window.violations.push(`${violatedDirective} ${blockedURI}`),
  );
  window.hands = {
    text: () => words(document.body),
    find: (selector) => all(document).find((one) => one.matches(selector)),
    named: (selector, name) =>
      all(document).find((one) => one.matches(selector) && words(one).startsWith(name)) as HTMLElement | undefined,
  };
}

async function says(text: string): Promise<void> {
  try {
    await page.waitForFunction(
      (wanted) => window.hands.text().includes(wanted),
      { polling: 50, timeout: 20_000 },
      text,
    );
  } catch (error) {
    const found = await page.evaluate(() => window.hands.text());
    throw new Error(`“${text}” is not there, but: ${found}`, { cause: error });
  }
}
async function press(name: string, selector = 'button:not(:disabled), a, summary'): Promise<void> {
  const found = await page.waitForFunction(
    (where, wanted) => window.hands.named(where, wanted),
    { polling: 50 },
    selector,
    name,
  );
  await (found as ElementHandle<HTMLElement>).click();
}
/** Types as a person would. */
async function fill(name: string, value: string): Promise<void> {
  const label = await page.waitForFunction((wanted) => window.hands.named('label', wanted), { polling: 50 }, name);
  await (label as ElementHandle<HTMLLabelElement>).evaluate((one) => {
    const control = one.control as HTMLInputElement;
    control.focus();
    control.select();
  });
  await page.keyboard.type(value);
}
const textOf = (selector: string) =>
  page.evaluate((where) => window.hands.find(where)?.textContent.replace(/\s+/g, ' ').trim() ?? '', selector);

describe('the console', () => {
  it('leads from the first link to a password, and signs in with it', async () => {
    const link = /http\S+\/console\/#link=\S+/.exec(relay.output())?.[0];
    expect(link).toBeDefined();
    await page.goto(link!);
    await fill('New password', PASSWORD);
    await press('Set password');
    await says('The password is set.');
    expect(page.url()).toBe(`${relay.origin}/console/#/`);

    const [cookie] = await browser.cookies();
    expect(cookie).toMatchObject({ name: 'vjj', httpOnly: true, sameSite: 'Strict', session: true, path: '/' });

    await press('Sign out');
    await fill('E-mail', 'operator@localhost');
    await fill('Password', PASSWORD);
    await press('Sign in', 'button');
    await says('Overview');
    expect(await page.title()).toMatch(/Voice Jib-Jab$/);
  });

  it('makes a tenant, says which pages may use it, and gives a key and a snippet', async () => {
    await press('Tenants', 'nav a');
    await fill('Name', 'Harbour Books');
    await fill('Pages', site.origin);
    await press('Make tenant');
    await says('Three steps to the first conversation');
    expect(await page.title()).toBe('Overview · Harbour Books · Voice Jib-Jab');

    await press('Origins', 'nav a');
    await fill('Paste the address', `${site.origin}/books?id=1`);
    await says('Yes. Its origin');
    await fill('Paste the address', 'https://elsewhere.example/');
    await says('No.');

    await press('Keys', 'nav a');
    await says('Publishable keys');
    await press('New publishable key');
    await page.waitForFunction(() => window.hands.text().split('pk_').length > 2, { polling: 50 });

    await press('Settings', 'nav a');
    await press('All words', 'label');
    await press('Save', 'button');
    await says('Saved.');
  });

  it('has the conversation that somebody then has on that page: in the list, drawn, replayed and paid for', async () => {
    await press('Overview', 'nav a');
    await says('Paste this into your page');
    const snippet = await textOf('pre code');
    expect(snippet).toContain('integrity="sha384-');

    site.html = `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,"><body>${snippet}</body></html>`;
    const shop = await browser.newPage();
    await shop.goto(site.origin);
    const heard = await shop.evaluate(async () => {
      await customElements.whenDefined('voice-jib-jab');
      const element = document.querySelector('voice-jib-jab')!;
      await element.updateComplete;
      await element.start({ mode: 'text' });
      const answered = new Promise((resolve) => element.addEventListener('turnend', resolve, { once: true }));
      element.send('When are you open?');
      await answered;
      const { transcript } = element;
      element.stop();
      return transcript.length;
    });
    expect(heard).toBeGreaterThan(1);
    await shop.close();

    await press('Sessions', 'nav a');
    await page.waitForFunction(() => window.hands.find('tbody tr') !== undefined, { polling: 50 });
    await press('', 'tbody th a');
    await says('every step gives the effects that were recorded');
    await says('When are you open?');
    await says('We are open from nine');
    const drawn = await page.evaluate(() => ({
      summary: window.hands.find('svg[role=img]')?.getAttribute('aria-label') ?? '',
      answers: window.hands.find('rect.B') !== undefined,
      text: window.hands.text(),
    }));
    expect(drawn.answers).toBe(true);
    expect(drawn.summary).toMatch(/[1-9]\d* answers/);
    expect(drawn.text).toMatch(/Cost \$0\.\d*[1-9]/);

    await press('Usage', 'nav a');
    await says('Cost by day and lane as a table');
    expect(await page.evaluate(() => window.hands.text())).toMatch(/Conversations 1 Turns [1-9]/);

    await press('Audit', 'nav a');
    await press('Check the chain');
    await says('The chain is whole');
  });

  it('can be read whole at twice the size and in the system’s colours, and shows where the keyboard is', async () => {
    const hashes = await page.evaluate(() => {
      const rail = window.hands.find('vjj-rail')?.shadowRoot;
      return [...(rail?.querySelectorAll('a') ?? [])].map(({ hash }) => hash);
    });
    expect(hashes.length).toBeGreaterThan(10);
    await page.setViewport(TWICE);
    for (const isForced of [false, true]) {
      await forceColors(page, isForced);
      for (const hash of hashes) {
        await page.evaluate((to) => (location.hash = to), hash);
        await page.waitForFunction(
          (to) => {
            const here = window.hands.find('nav a[aria-current="page"]') as HTMLAnchorElement | undefined;
            return here?.hash === to && window.hands.find('h1') && !window.hands.text().includes('Loading…');
          },
          { polling: 50 },
          hash,
        );
        expect(await cutOff(page), `${hash}, ${isForced ? 'forced' : 'own'} colours`).toEqual([]);
      }
      await press('Menu', 'button');
      expect(await unseenFocus(page, 12)).toEqual([]);
      expect(await cutOff(page)).toEqual([]);
      await press('Menu', 'button');
    }
    await forceColors(page, false);
    await page.setViewport({ width: 1280, height: 900 });
  }, 60_000);

  it('did all that under its policy and without a complaint of the browser', async () => {
    expect(await page.evaluate(() => window.violations)).toEqual([]);
    // Whoever is signed out learns it from the status of one question, which the browser notes; of nothing else.
    expect(faults.filter((one) => !/status of 401.*\/api\/admin\/me$/.test(one))).toEqual([]);
    const response = await page.goto(`${relay.origin}/console/`);
    const policy = response?.headers()['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe-(inline|eval)/);
    expect(response?.headers()['referrer-policy']).toBe('no-referrer');
  });
});
