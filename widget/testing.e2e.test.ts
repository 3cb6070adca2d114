/**
 * `voice-jib-jab/testing` as a customer's tests use it: a plain page, the built files, a browser
 * without a microphone, and nothing to connect to.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES } from './errors.ts';
import { startDistSite, type DistSite } from './testing/dist-site.ts';
import { startBrowser } from './testing/e2e.ts';

const dist = path.resolve(import.meta.dirname, '../dist');
let site: DistSite;
let browser: Browser;
let requests: string[] = [];

beforeAll(async () => {
  site = await startDistSite();
  browser = await startBrowser({ withoutDevice: true, withoutPermission: true });
});
afterAll(async () => {
  await browser.close();
  await site.close();
});

async function open(element: string, more = ''): Promise<Page> {
  site.html = `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">
    <script type="module" src="/voice-jib-jab.js"></script>
    <script type="module">
      import * as testing from '/testing.js';
      import { CallError } from '/voice-jib-jab.js';
      Object.assign(window, { testing, CallError });
    </script>
    <body>${element}${more}</body></html>`;
  requests = [];
  const page = await browser.newPage();
  page.on('request', (request) => requests.push(request.url()));
  await page.evaluateOnNewDocument(() => {
    for (const name of ['WebSocket', 'AudioContext'] as const) {
      Object.defineProperty(window, name, {
        get: () => {
          throw new Error(`the page asked for ${name}`);
        },
      });
    }
    navigator.mediaDevices.getUserMedia = () => {
      throw new Error('the page asked for a microphone');
    };
  });
  await page.goto(site.origin, { waitUntil: 'load' });
  await page.waitForFunction(() => 'testing' in window && customElements.get('voice-jib-jab') !== undefined);
  return page;
}
const state = (page: Page) =>
  page.evaluate(() => {
    const { phase, heardText, readyState, transcript } = document.querySelector('voice-jib-jab')!;
    return { phase, heardText, readyState, lines: transcript.map(({ role, text }) => `${role}: ${text}`) };
  });

describe('a page whose assistant is a mock', () => {
  it('holds a conversation with nothing but its own scripts', async () => {
    const page = await open('<voice-jib-jab tenant="pk_test" src="mock:greeter?speed=max"></voice-jib-jab>');
    await page.click('voice-jib-jab >>> .launcher');
    await page.waitForFunction(() => document.querySelector('voice-jib-jab')!.readyState === 3);
    const metrics = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const assistant = document.querySelector('voice-jib-jab')!;
          assistant.addEventListener('turnend', (event) => resolve(event.outcome));
          assistant.send('Hello');
        }),
    );
    expect(metrics).toBe('answered');
    expect((await state(page)).lines).toEqual(['user: Hello', 'agent: Hello! How can I help?']);
    const foreign = requests.filter((url) => !url.startsWith('data:') && !url.startsWith(site.origin));
    expect(foreign).toEqual([]);
    expect(requests.filter((url) => !/\.js(\?|$)|^data:|:\d+\/$/.test(url))).toEqual([]);
    await page.close();
  });

  it('shows what was heard, as far as the test lets time pass', async () => {
    const page = await open(
      '<voice-jib-jab tenant="pk_test" src="mock:story?speed=manual" variant="panel"></voice-jib-jab>',
    );
    const heard = await page.evaluate(async () => {
      const { mockOf } = (window as unknown as { testing: typeof import('./testing/testing.ts') }).testing;
      const assistant = document.querySelector('voice-jib-jab')!;
      const started = assistant.start();
      while (!mockOf(assistant)) await new Promise(requestAnimationFrame);
      const call = mockOf(assistant)!;
      await call.advance(200);
      await started;
      assistant.send('A story, please');
      await call.advance(1_500);
      const before = [assistant.phase, assistant.heardText];
      void call.userSays('Thank you, enough.');
      await call.advance(100);
      const held = assistant.phase;
      await call.advance(2_000);
      await assistant.updateComplete;
      const struck = assistant.shadowRoot!.querySelectorAll(
        '[part~=message-agent] s, [part~=message-agent] .cut',
      ).length;
      return { before, held, struck, asked: call.asked.map(({ what }) => what) };
    });
    expect(heard).toMatchObject({ before: ['speaking', 'Once there was a'], held: 'held' });
    expect(heard.struck).toBeGreaterThan(0);
    expect(heard.asked).toContain('sendText');
    await page.close();
  });

  it.each(ERROR_CODES)('is told of %s as by a real call', async (code) => {
    const page = await open(`<voice-jib-jab tenant="pk_test" src="mock:fails?code=${code}&speed=max"></voice-jib-jab>`);
    const told = await page.evaluate(async () => {
      const assistant = document.querySelector('voice-jib-jab')!;
      const { CallError } = window as unknown as { CallError: typeof Error };
      const thrown: unknown = await assistant.start().catch((error: unknown) => error);
      return [thrown instanceof CallError, assistant.error?.code, assistant.error?.recovery !== undefined];
    });
    expect(told).toEqual([true, code, true]);
    await page.close();
  });

  it('runs its functions, also from inside a shadow root', async () => {
    const page = await open(
      '<div id="host"></div>',
      `<script>document.querySelector('#host').attachShadow({ mode: 'open' }).innerHTML =
        '<voice-jib-jab tenant="pk_test" src="mock:caller?args={&quot;nights&quot;:2}&amp;speed=max"></voice-jib-jab>';</script>`,
    );
    const said = await page.evaluate(async () => {
      const assistant = document.querySelector('#host')!.shadowRoot!.querySelector('voice-jib-jab')!;
      assistant.defineTool(
        'book',
        { description: 'Books', parameters: {} },
        ({ nights }) => `booked ${String(nights)}`,
      );
      const ended = new Promise((resolve) => assistant.addEventListener('turnend', resolve));
      await assistant.start();
      assistant.send('Book it');
      await ended;
      return assistant.transcript.at(-1)?.text;
    });
    expect(said).toBe('It says: booked 2');
    await page.close();
  });

  it('is told which personas there are when it names another', async () => {
    const page = await open('<voice-jib-jab tenant="pk_test" src="mock:nobody"></voice-jib-jab>');
    const message = await page.evaluate(() =>
      document
        .querySelector('voice-jib-jab')!
        .start()
        .catch((error: unknown) => String(error)),
    );
    expect(message).toContain('no persona "nobody"; there are greeter');
    await page.close();
  });
});

it('is in none of the files that people get', () => {
  const shipped = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^(v\/.*|voice-jib-jab[^/]*|demo\/.*|console\/.*)\.js$/.test(file),
  );
  expect(shipped.length).toBeGreaterThan(5);
  for (const file of shipped) {
    expect(readFileSync(path.join(dist, file), 'utf8'), file).not.toMatch(/mock-turn|mock:|greeter|definePersona/);
  }
});

it('is imported on a server without a document', async () => {
  const { PERSONAS } = (await import(path.join(dist, 'testing.js'))) as typeof import('./testing/testing.ts');
  expect(Object.keys(PERSONAS)).toContain('greeter');
});
