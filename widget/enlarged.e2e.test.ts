/**
 * The widget as people see it who let the system choose the colours, or read at twice the size: nothing is
 * cut off or covered, icons and state stay readable, and the focus can be seen. Also in long words and from
 * right to left. `VJJ_SHOTS=folder` keeps a screenshot of each.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { env } from 'node:process';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDistSite, type DistSite } from './testing/dist-site.ts';
import { startBrowser } from './testing/e2e.ts';

const shots = env['VJJ_SHOTS'];
let site: DistSite;
let browser: Browser;
beforeAll(async () => {
  if (shots) mkdirSync(shots, { recursive: true });
  site = await startDistSite();
  browser = await startBrowser({ withoutDevice: true, withoutPermission: true });
});
afterAll(async () => {
  await browser.close();
  await site.close();
});

interface View {
  width: number;
  height: number;
  /** Of the text, as a browser's own zoom of text does it. */
  textShare?: number;
  forced?: boolean;
  theme?: 'light' | 'dark';
}

async function open(variant: string, lang: string, { width, height, textShare = 1, forced, theme }: View) {
  site.html = `<!doctype html><html lang="${lang}" style="font-size:${textShare * 100}%;color-scheme:light dark"><title>Shop</title>
    <meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
    <script type="module" src="/voice-jib-jab.js"></script><script type="module">
      import * as testing from '/testing.js';
      Object.assign(window, { testing });
    </script><body><voice-jib-jab tenant="pk_test" mode="text" src="mock:story?speed=max" variant="${variant}"></voice-jib-jab></body></html>`;
  const page = await browser.newPage();
  await page.setViewport({ width, height });
  const devtools = await page.createCDPSession();
  const features = [
    { name: 'forced-colors', value: forced ? 'active' : 'none' },
    { name: 'prefers-color-scheme', value: theme ?? 'light' },
  ];
  await devtools.send('Emulation.setEmulatedMedia', { features });
  await page.goto(site.origin, { waitUntil: 'load' });
  await page.waitForFunction(() => 'testing' in window && customElements.get('voice-jib-jab') !== undefined);
  return page;
}
async function talk(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const element = document.querySelector('voice-jib-jab')!;
    element.show();
    await element.updateComplete;
    await element.start({ mode: 'text' });
    element.send('What are your opening hours?');
  });
  await page.waitForFunction(() =>
    document.querySelector('voice-jib-jab')!.transcript.some(({ role, final }) => role === 'agent' && final),
  );
  await page.evaluate(() => document.querySelector('voice-jib-jab')!.updateComplete);
}

/** Controls and words that the window, their box or each other cuts off. */
const lost = (page: Page) =>
  page.evaluate(() => {
    const root = document.querySelector('voice-jib-jab')!.shadowRoot!;
    const found: string[] = [];
    const { clientWidth, clientHeight, scrollWidth } = document.documentElement;
    if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth} of ${clientWidth} wide`);
    const isFixed = document.querySelector('voice-jib-jab')!.getAttribute('variant') === 'launcher';
    for (const one of root.querySelectorAll<HTMLElement>('button, input, select, [part~=status], .name')) {
      if (!one.checkVisibility() || one.closest('.visually-hidden')) continue;
      const { left, right, top, bottom, width, height } = one.getBoundingClientRect();
      const name = one.dataset['id'] ?? one.getAttribute('aria-label') ?? one.className;
      if (width < 2 || height < 2) continue;
      if (left < -1 || right > clientWidth + 1) found.push(`${name} from ${left} to ${right}`);
      if (isFixed && (top < -1 || bottom > clientHeight + 1)) found.push(`${name} from ${top} to ${bottom} down`);
      if (one.matches('button') && one.scrollWidth > one.clientWidth + 1)
        found.push(`${name} holds more than it shows`);
    }
    return found;
  });

async function keep(page: Page, name: string): Promise<void> {
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`) });
}

describe.each(['launcher', 'panel', 'inline', 'bar'])('the widget as %s', (variant) => {
  it.each<[string, string, View]>([
    ['in long words on a small screen', 'de', { width: 360, height: 740 }],
    ['in Polish at 320 pixels, which is 1280 enlarged four times', 'pl', { width: 320, height: 640 }],
    ['from right to left', 'ar', { width: 360, height: 740, theme: 'dark' }],
    ['in Hebrew', 'he', { width: 360, height: 740 }],
    ['in Japanese', 'ja', { width: 360, height: 740 }],
    ['in Chinese', 'zh', { width: 360, height: 740 }],
    ['in Korean', 'ko', { width: 360, height: 740, theme: 'dark' }],
    ['in Hindi', 'hi', { width: 360, height: 740 }],
    ['with text of twice the size', 'en', { width: 1280, height: 900, textShare: 2 }],
    ['with text of twice the size on a small screen', 'de', { width: 360, height: 740, textShare: 2 }],
    ["in the system's colours", 'en', { width: 1280, height: 900, forced: true }],
  ])('loses nothing %s', async (what, lang, view) => {
    const page = await open(variant, lang, view);
    await talk(page);
    await keep(page, `${variant}-${what.replaceAll(/\W+/g, '-')}`);
    expect(await lost(page)).toEqual([]);
    await page.close();
  });
});

/** Goes on in the page until this is there. */
const until = (page: Page, selector: string) =>
  page.waitForFunction((one) => document.querySelector('voice-jib-jab')!.shadowRoot!.querySelector(one), {}, selector);

/** Presses it, as soon as it is there. */
async function press(page: Page, selector: string): Promise<void> {
  await until(page, selector);
  await page.evaluate((one) => {
    document.querySelector('voice-jib-jab')!.shadowRoot!.querySelector<HTMLElement>(one)!.click();
  }, selector);
}

/** What stands where the words were, and what opens under them, one after the other. */
async function* occasions(page: Page): AsyncGenerator<string> {
  await page.evaluate(() => {
    const element = document.querySelector('voice-jib-jab')!;
    element.consent = 'required';
    element.show();
    element.start({ mode: 'text' }).catch(() => undefined);
  });
  await until(page, '[part~=consent]');
  yield 'consent';
  await page.evaluate(() => document.querySelector('voice-jib-jab')!.setConsent(true));
  await page.waitForFunction(() => document.querySelector('voice-jib-jab')!.readyState === 3);
  await page.evaluate(() => document.querySelector('voice-jib-jab')!.send('Hello'));
  await press(page, '[data-id=settings]');
  await until(page, '.settings');
  yield 'settings';
  await press(page, '[data-id=settings]');
  await page.evaluate(() => document.querySelector('voice-jib-jab')!.stop());
  await press(page, '.rating [value="4"]');
  yield 'rating';
  for (const code of ['MIC_DENIED', 'PROTOCOL']) {
    await page.evaluate((one) => {
      const element = document.querySelector('voice-jib-jab')!;
      element.src = `mock:fails?code=${one}&speed=max`;
      element.start({ mode: 'voice' }).catch(() => undefined);
    }, code);
    await page.waitForFunction((one) => document.querySelector('voice-jib-jab')!.error?.code === one, {}, code);
    await until(page, '[part~=error]');
    yield code;
  }
}

describe.each(['launcher', 'panel', 'inline', 'bar'])('what the widget asks and says as %s', (variant) => {
  it.each<[string, string[], View]>([
    [
      'on a small screen in any language',
      ['de', 'fr', 'pl', 'ja', 'zh', 'ko', 'hi', 'ar', 'he'],
      { width: 320, height: 640 },
    ],
    ['with text of twice the size', ['en', 'de', 'ar'], { width: 360, height: 900, textShare: 2 }],
    ["in the system's colours", ['en'], { width: 360, height: 740, forced: true, theme: 'dark' }],
  ])('is whole %s', async (what, languages, view) => {
    // The panel is the launcher's, and the row has the fewest words: three languages speak for the others.
    const isLike = variant === 'panel' || variant === 'bar';
    for (const lang of isLike ? languages.filter((one) => ['en', 'de', 'hi', 'ar'].includes(one)) : languages) {
      const page = await open(variant, lang, view);
      for await (const occasion of occasions(page)) {
        await keep(page, `${variant}-${what.replaceAll(/\W+/g, '-')}-${lang}-${occasion}`);
        expect(await lost(page), `${lang}, ${occasion}`).toEqual([]);
      }
      await page.close();
    }
  });
});

describe("in the system's colours", () => {
  it('icons stand out from their ground, the state is a word, and the focus is drawn', async () => {
    const page = await open('launcher', 'en', { width: 800, height: 800, forced: true, theme: 'dark' });
    await talk(page);
    const seen = await page.evaluate(() => {
      const root = document.querySelector('voice-jib-jab')!.shadowRoot!;
      const groundOf = (start: Element): string => {
        for (let at: Element | null = start; at; at = at.parentElement) {
          const { backgroundColor } = getComputedStyle(at);
          if (backgroundColor !== 'rgba(0, 0, 0, 0)') return backgroundColor;
        }
        return getComputedStyle(document.documentElement).backgroundColor;
      };
      const icons = [...root.querySelectorAll('button svg')].filter((icon) => icon.checkVisibility());
      const invisible = icons.filter((icon) => {
        const { stroke, fill } = getComputedStyle(icon);
        return [stroke, fill].every((color) => color === 'none' || color === groundOf(icon));
      });
      return {
        icons: icons.length,
        invisible: invisible.map((icon) => icon.closest('button')?.dataset['id']),
        state: root.querySelector('[part=status]')?.textContent.trim(),
      };
    });
    expect(seen.icons).toBeGreaterThan(3);
    expect(seen.invisible).toEqual([]);
    expect(seen.state).not.toBe('');
    await page.keyboard.press('Tab');
    const ring = await page.evaluate(() => {
      const active = document.querySelector('voice-jib-jab')!.shadowRoot!.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(active!);
      return [outlineStyle, parseFloat(outlineWidth) >= 2];
    });
    expect(ring).toEqual(['solid', true]);
    await keep(page, 'forced-focus');
    await page.close();
  });
});
