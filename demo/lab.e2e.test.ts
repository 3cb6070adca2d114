/** The lab of the demo page: what a developer can set, see, break and copy there. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noise, wav } from '../relay/testing/speech.ts';
import type {} from '../widget/index.ts';
import { startBrowser, startRelay, type RunningRelay } from '../widget/testing/e2e.ts';
import { TWICE, cutOff, forceColors, unseenFocus } from '../widget/testing/sight.ts';

let relay: RunningRelay;
let browser: Browser;
const faults: string[] = [];

beforeAll(async () => {
  relay = await startRelay();
  browser = await startBrowser({ microphone: wav(noise(60_000, -65)) });
}, 60_000);
afterAll(async () => {
  await browser.close();
  await relay.stop();
});

async function open(): Promise<Page> {
  const page = await browser.newPage();
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type()) && !message.text().startsWith('Canvas2D'))
      faults.push(message.text());
  });
  await page.goto(`${relay.origin}/demo/`, { waitUntil: 'load' });
  await page.waitForSelector('#phrases button');
  return page;
}
const live = async (page: Page) => {
  await page.click('[command="--start"]');
  await page.waitForFunction(() => document.querySelector('voice-jib-jab')?.readyState === 3);
};
const logged = (page: Page, pattern: RegExp) =>
  page.waitForFunction(
    (source) =>
      [...document.querySelectorAll('#log li')].some(({ textContent }) => new RegExp(source).test(textContent)),
    { timeout: 30_000 },
    pattern.source,
  );
const text = (page: Page, selector: string) => page.$eval(selector, ({ textContent }) => textContent.trim());

describe('the lab', () => {
  it('switches every attribute of the element as it stands, and writes the code for what is set', async () => {
    const page = await open();
    const known = await page.evaluate(() => {
      const { observedAttributes } = customElements.get('voice-jib-jab') as unknown as { observedAttributes: string[] };
      return observedAttributes.filter((name) => document.querySelector(`.lab [id="${name}"]`) === null);
    });
    expect(known).toEqual(['debug']);
    await page.select('#variant', 'bar');
    await page.select('#turn', 'hold');
    await page.select('#lang', 'ar');
    await page.click('#micmuted');
    expect(
      await page.evaluate(() => {
        const { variant, turn, language, micMuted } = document.querySelector('voice-jib-jab')!;
        return [variant, turn, language, micMuted];
      }),
    ).toEqual(['bar', 'hold', 'ar', true]);
    await page.click('[command="--mute"]');
    await page.waitForFunction(() => !document.querySelector<HTMLInputElement>('#micmuted')!.checked);
    expect(await text(page, '#embed')).toBe(
      `<script type="module" src="${relay.origin}/voice-jib-jab.js"></script>\n` +
        '<voice-jib-jab tenant="pk_demo" variant="bar" turn="hold" lang="ar"></voice-jib-jab>',
    );
    await page.close();
  });

  it('cuts the connection, and the conversation comes back; a delay is felt', async () => {
    const page = await open();
    await live(page);
    await page.click('#cut');
    await logged(page, /reconnected/);
    await page.select('#delay', '150');
    await page.select('#jitter', '50');
    await page.click('#phrases button');
    await logged(page, /turnend.*answered/);
    await page.click('#check');
    await page.waitForFunction(() => document.querySelector('#trip')!.textContent.includes('ms'));
    expect(Number.parseFloat(await text(page, '#trip'))).toBeGreaterThanOrEqual(300);
    expect(await page.evaluate(() => document.querySelector('voice-jib-jab')!.stats.reconnects)).toBe(1);
    await page.close();
  });

  it('shows how loud both are, only while there is a call', async () => {
    const page = await open();
    const painted = () =>
      page.$eval('#waveform', (element) => {
        const canvas = element as HTMLCanvasElement;
        const { data } = canvas
          .getContext('2d')!
          .getImageData(0, canvas.height / 2 + 2, canvas.width, canvas.height / 4);
        return data.some((value) => value > 0);
      });
    expect(await painted()).toBe(false);
    await live(page);
    await page.click('#phrases button');
    await logged(page, /turnend.*answered/);
    expect(await painted()).toBe(true);
    await page.close();
  });

  it('says before a call whether one would work, and how the microphone sounds', async () => {
    const page = await open();
    await page.click('#check');
    await page.waitForFunction(() => document.querySelector('#verdict')!.textContent.includes('can be tried'));
    const verdict = JSON.parse(await text(page, '#verdict-json')) as Record<string, unknown>;
    expect(verdict).toMatchObject({ ok: true, code: null, secureContext: true });
    await page.click('#chirp');
    await page.click('#mic-test');
    await page.waitForFunction(() => /heard|Loudest|loud/.test(document.querySelector('#mic-said')!.textContent), {
      timeout: 20_000,
    });
    await page.close();
  });

  it('has nothing that axe objects to, in either colour scheme', async () => {
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const page = await open();
    await page.click('#check');
    for (const value of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        const { axe: checker } = window as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } };
        return (await checker.run()).violations.map(({ id }) => id);
      });
      expect(found, value).toEqual([]);
    }
    await page.close();
  });

  it('can be read whole at twice the size, on a phone and in the system’s colours, and shows where the keyboard is', async () => {
    const page = await open();
    await page.evaluate(() => document.querySelectorAll('details').forEach((one) => (one.open = true)));
    for (const view of [TWICE, { width: 320, height: 640 }, { width: 1440, height: 900 }]) {
      await page.setViewport(view);
      for (const isForced of [false, true]) {
        await forceColors(page, isForced);
        expect(await cutOff(page), `${view.width} wide, ${isForced ? 'forced' : 'own'} colours`).toEqual([]);
      }
      expect(await unseenFocus(page, 12)).toEqual([]);
    }
    await page.close();
  });

  it('keeps to its own strict policy', () => expect(faults).toEqual([]));

  it('sets a knob of the arbiter, which holds from the next call on, and takes it back', async () => {
    const page = await open();
    await page.waitForSelector('#knob-RESUME_REWIND_MS');
    await page.$eval('details:has(#knobs)', (details) => details.setAttribute('open', ''));
    const set = (value: string) =>
      page.$eval(
        '#knob-RESUME_REWIND_MS',
        (field, text) => {
          (field as HTMLInputElement).value = text;
          field.dispatchEvent(new Event('change'));
        },
        value,
      );
    await set('99999');
    await page.waitForFunction(() =>
      document.querySelector('#knobs-verdict')?.textContent.startsWith('Not set: RESUME'),
    );
    await set('333');
    await logged(page, /knob\s*RESUME_REWIND_MS 333/);
    const begun = page.evaluate(
      () =>
        new Promise<unknown>((resolve) => {
          document.querySelector('voice-jib-jab')?.addEventListener('debug', ({ detail }) => {
            if (detail.type === 'session.created') resolve(detail.config?.['RESUME_REWIND_MS']);
          });
        }),
    );
    await live(page);
    expect(await begun).toBe(333);
    await page.$eval('#knobs-reset', (button) => (button as HTMLButtonElement).click());
    await logged(page, /knob\s*all knobs/);
    expect(await page.$eval('#knob-RESUME_REWIND_MS', (field) => (field as HTMLInputElement).value)).not.toBe('333');
    await page.close();
  });

  it('takes a rating when the call is over, and says so when it can keep none', async () => {
    const page = await open();
    await live(page);
    const answers = await page.evaluate(async () => {
      const assistant = document.querySelector('voice-jib-jab')!;
      assistant.stop();
      const rate = (turn?: string) =>
        assistant.rate(4, { comment: 'Quick.', ...(turn !== undefined && { turn }) }).then(
          () => 'kept',
          (error: unknown) => (error as { code: string }).code,
        );
      return [await rate(), await rate('no-such-turn')];
    });
    // The browser itself says in the console that the second was refused.
    expect(faults.splice(0).every((fault) => /40[04]/.test(fault))).toBe(true);
    expect(answers).toEqual(['kept', 'PROTOCOL']);
    await page.close();
  });
});
