/**
 * What a page costs with the widget and without it, the processor slowed down four times; and how soon after a click the session is
 * there. In profiles of their own, so that nothing is cached; with and without take turns.
 */
import type { Browser, Page } from 'puppeteer-core';
import { startEmulator } from '../../relay/emulator/emulator.ts';
import type {} from '../../widget/index.ts';
import { startBrowser, startCustomerSite, startRelay } from '../../widget/testing/e2e.ts';
import { inFreshWindow } from './fresh-window.ts';

const THROTTLE = 4;

export interface PageCost {
  /** Of the main thread from navigation to rest, in milliseconds at a fourth of the speed. */
  taskMs: number;
  scriptMs: number;
  layoutMs: number;
  heapKb: number;
  requests: number;
  /** Over the wire, compressed. */
  bytes: number;
  /** Navigation to the end of `load`. */
  loadMs: number;
}
export interface PageCosts {
  bare: PageCost[];
  widget: PageCost[];
  /** Click → the session is live, at full speed, nothing fetched before and after `preload()`. */
  readyMs: { cold: number[]; warm: number[] };
}

const bodyOf = (embed: string) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title></head><body><h1>Shop</h1>
<button id="go">Go</button>${embed}</body></html>`;
const embedOf = (relay: string) =>
  `<script type="module" src="${relay}/voice-jib-jab.js"></script><voice-jib-jab src="${relay}" tenant="pk_demo"></voice-jib-jab>`;

const atRest = (page: Page) =>
  page.evaluate(() => new Promise<void>((resolve) => requestIdleCallback(() => requestIdleCallback(() => resolve()))));

function costOf(browser: Browser, url: string, hasWidget: boolean): Promise<PageCost> {
  return inFreshWindow(browser, async (page) => {
    const devtools = await page.createCDPSession();
    let [bytes, requests] = [0, 0];
    devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
      requests += 1;
    });
    await devtools.send('Network.enable');
    await devtools.send('Performance.enable');
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: THROTTLE });
    await page.goto(url, { waitUntil: 'load' });
    if (hasWidget)
      await page.evaluate(async () => {
        await customElements.whenDefined('voice-jib-jab');
        await document.querySelector('voice-jib-jab')?.updateComplete;
      });
    await atRest(page);
    const { metrics } = await devtools.send('Performance.getMetrics');
    const metric = (name: string) => metrics.find((one) => one.name === name)?.value ?? Number.NaN;
    const loadMs = await page.evaluate(() => {
      const [timing] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
      return timing?.loadEventEnd ?? Number.NaN;
    });
    return {
      taskMs: metric('TaskDuration') * 1000,
      scriptMs: metric('ScriptDuration') * 1000,
      layoutMs: (metric('LayoutDuration') + metric('RecalcStyleDuration')) * 1000,
      heapKb: metric('JSHeapUsedSize') / 1024,
      ...{ requests, bytes, loadMs },
    };
  });
}

function readyMs(browser: Browser, url: string, isWarm: boolean): Promise<number> {
  return inFreshWindow(browser, async (page) => {
    await page.goto(url, { waitUntil: 'load' });
    await page.evaluate(async (preload) => {
      await customElements.whenDefined('voice-jib-jab');
      const element = document.querySelector('voice-jib-jab');
      await element?.updateComplete;
      const known = customElements.get('voice-jib-jab') as unknown as { preload(): Promise<void> };
      if (preload) await known.preload();
      // The listener of the page's own comes before the element's.
      document.addEventListener('click', () => void performance.mark('clicked'), { capture: true, once: true });
      element?.addEventListener('readystatechange', () => {
        if (element.readyState === 3) performance.measure('ready', 'clicked');
      });
    }, isWarm);
    await page.click('voice-jib-jab');
    const measured = await page.waitForFunction(() => performance.getEntriesByName('ready')[0]?.duration);
    return (await measured.jsonValue()) ?? Number.NaN;
  });
}

export async function measurePageCosts({ rounds, clicks }: { rounds: number; clicks: number }): Promise<PageCosts> {
  const emulator = await startEmulator();
  const [bareSite, site] = [await startCustomerSite(), await startCustomerSite()];
  bareSite.html = bodyOf('');
  const relay = await startRelay({
    ALLOWED_ORIGINS: site.origin,
    OPENAI_API_KEY: 'sk-for-the-emulator',
    OPENAI_BASE_URL: emulator.url,
  });
  site.html = bodyOf(embedOf(relay.origin));
  const browser = await startBrowser();
  const found: PageCosts = { bare: [], widget: [], readyMs: { cold: [], warm: [] } };
  try {
    for (let round = 0; round < rounds; round++) {
      found.bare.push(await costOf(browser, bareSite.origin, false));
      found.widget.push(await costOf(browser, site.origin, true));
    }
    for (let click = 0; click < clicks; click++) {
      found.readyMs.cold.push(await readyMs(browser, site.origin, false));
      found.readyMs.warm.push(await readyMs(browser, site.origin, true));
    }
    return found;
  } finally {
    await browser.close();
    await relay.stop();
    await bareSite.close();
    await site.close();
    await emulator.close();
  }
}
