/**
 * What a page pays when it loads the script, opens the panel and starts a call: the longest task of the main
 * thread with the processor slowed down four times, and how soon after the click the microphone is recorded.
 * Every round has a browser profile of its own, so that nothing is cached, in a window at rest.
 *
 * A task's time is the processor's, as the browser's trace has it: on a machine that does other things too, the
 * clock on the wall would count those. Both are given.
 */
import type { Browser, Page } from 'puppeteer-core';
import { startEmulator } from '../../relay/emulator/emulator.ts';
import type {} from '../../widget/index.ts';
import { startBrowser, startCustomerSite, startRelay } from '../../widget/testing/e2e.ts';
import { inFreshWindow } from './fresh-window.ts';
import { percentile, row } from './percentiles.mjs';

const THROTTLE = 4;
/** Longer than this is what browsers call a long task. */
export const LONGEST_TASK_MS = 50;
/** From a click to a microphone that is recorded, with the permission given. */
export const LONGEST_CLICK_MS = 150;
const PHASES = ['load', 'open', 'call'] as const;
type Phase = (typeof PHASES)[number];
const TITLES: Record<Phase, string> = {
  load: 'longest task, the script is loaded',
  open: 'longest task, the panel is opened',
  call: 'longest task, a call is started and answered',
};

interface TraceEvent {
  name: string;
  cat: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  tdur?: number;
  args?: Record<string, unknown>;
}
export interface Task {
  cpuMs: number;
  wallMs: number;
}

/** The longest task of the page's main thread between the marks of each phase. */
export function longestTasks(events: readonly TraceEvent[]): Partial<Record<Phase, Task>> {
  const found: Partial<Record<Phase, Task>> = {};
  for (const phase of PHASES) {
    const mark = (end: string) =>
      events.find(({ name, cat }) => cat.includes('user_timing') && name === `${phase} ${end}`);
    const [from, to] = [mark('begins'), mark('ends')];
    if (!from || !to) continue;
    const tasks = events.filter(
      ({ name, ph, tid, pid, ts, dur = 0 }) =>
        name.endsWith('RunTask') &&
        ph === 'X' &&
        tid === from.tid &&
        pid === from.pid &&
        ts + dur > from.ts &&
        ts < to.ts,
    );
    const longest = tasks.toSorted((a, b) => (b.tdur ?? b.dur ?? 0) - (a.tdur ?? a.dur ?? 0))[0];
    found[phase] = { cpuMs: (longest?.tdur ?? longest?.dur ?? 0) / 1000, wallMs: (longest?.dur ?? 0) / 1000 };
  }
  return found;
}

const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title></head>
<body><h1>Shop</h1><button id="go">Go</button></body></html>`;

/** The script and an element, put into a page that was at rest. */
async function addWidget(page: Page, relay: string, tenant: string): Promise<void> {
  await page.evaluate(
    async (src, key) => {
      const script = Object.assign(document.createElement('script'), {
        type: 'module',
        src: `${src}/voice-jib-jab.js`,
      });
      const element = document.createElement('voice-jib-jab');
      element.setAttribute('src', src);
      element.setAttribute('tenant', key);
      document.body.append(element, script);
      await customElements.whenDefined('voice-jib-jab');
      await element.updateComplete;
    },
    relay,
    tenant,
  );
}
const mark = (page: Page, name: string) => page.evaluate((text) => void performance.mark(text), name);
/** Until the page has nothing to do. */
const atRest = (page: Page) =>
  page.evaluate(() => new Promise<void>((resolve) => requestIdleCallback(() => requestIdleCallback(() => resolve()))));

function measureTasks(browser: Browser, site: string, relay: string, tenant: string) {
  return inFreshWindow(browser, async (page) => {
    await page.goto(site, { waitUntil: 'load' });
    const devtools = await page.createCDPSession();
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: THROTTLE });
    await atRest(page);
    await page.tracing.start({ categories: ['toplevel', 'devtools.timeline', 'blink.user_timing'] });
    const during = async (phase: Phase, act: () => Promise<unknown>) => {
      await mark(page, `${phase} begins`);
      await act();
      await atRest(page);
      await mark(page, `${phase} ends`);
    };
    await during('load', () => addWidget(page, relay, tenant));
    await during('open', async () => {
      await page.evaluate(async () => {
        const element = document.querySelector('voice-jib-jab');
        element?.show();
        await element?.updateComplete;
      });
    });
    await page.evaluate(() => {
      const element = document.querySelector('voice-jib-jab');
      document.querySelector('#go')?.addEventListener('click', () => void element?.start());
    });
    await during('call', async () => {
      await page.click('#go');
      await page.waitForFunction(() => document.querySelector('voice-jib-jab')?.readyState === 3);
      await page.evaluate(() => document.querySelector('voice-jib-jab')?.send('When are you open?'));
      await page.waitForFunction(() =>
        // The phase may be gone by then: the microphone that beeps interrupts.
        document.querySelector('voice-jib-jab')?.transcript.some(({ role }) => role === 'agent'),
      );
    });
    const trace = (await page.tracing.stop()) ?? new Uint8Array();
    const { traceEvents } = JSON.parse(Buffer.from(trace).toString('utf8')) as { traceEvents: TraceEvent[] };
    return longestTasks(traceEvents);
  });
}

/** The page's own measure, from a click on the launcher that nothing was fetched for. */
function measureClick(browser: Browser, site: string, relay: string, tenant: string, isWarm: boolean) {
  return inFreshWindow(browser, async (page) => {
    await page.goto(site, { waitUntil: 'load' });
    await addWidget(page, relay, tenant);
    if (isWarm) {
      await page.evaluate(async () => {
        const known = customElements.get('voice-jib-jab') as unknown as { preload(): Promise<void> };
        await known.preload();
      });
    }
    await page.click('voice-jib-jab');
    const measured = await page.waitForFunction(() => performance.getEntriesByName('vjj:click→mic')[0]?.duration);
    return (await measured.jsonValue()) ?? Number.NaN;
  });
}

/** What the browser itself takes for a context, a microphone and a worklet, in a page with nothing else in it. */
function measureBare(browser: Browser, site: string, relay: string): Promise<number> {
  return inFreshWindow(browser, async (page) => {
    await page.goto(site, { waitUntil: 'load' });
    await page.evaluate((worklet) => {
      document.querySelector('#go')?.addEventListener('click', () => {
        const from = performance.now();
        const context = new AudioContext({ latencyHint: 'interactive' });
        const sound = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
        const loaded = context.audioWorklet.addModule(worklet);
        void Promise.all([navigator.mediaDevices.getUserMedia({ audio: sound }), loaded, context.resume()]).then(() =>
          performance.measure('bare', { start: from, end: performance.now() }),
        );
      });
    }, `${relay}/voice-jib-jab.worklet.js`);
    await page.click('#go');
    const measured = await page.waitForFunction(() => performance.getEntriesByName('bare')[0]?.duration);
    return (await measured.jsonValue()) ?? Number.NaN;
  });
}

export async function measureStart({ rounds, clicks }: { rounds: number; clicks: number }) {
  const emulator = await startEmulator();
  const site = await startCustomerSite();
  site.html = PAGE;
  const relay = await startRelay({
    ALLOWED_ORIGINS: site.origin,
    OPENAI_API_KEY: 'sk-for-the-emulator',
    OPENAI_BASE_URL: emulator.url,
  });
  const browser = await startBrowser();
  try {
    const tasks: Partial<Record<Phase, Task>>[] = [];
    for (let i = 0; i < rounds; i++) tasks.push(await measureTasks(browser, site.origin, relay.origin, 'pk_demo'));
    const cold: number[] = [];
    const warm: number[] = [];
    const bare: number[] = [];
    for (let i = 0; i < clicks; i++) {
      cold.push(await measureClick(browser, site.origin, relay.origin, 'pk_demo', false));
      bare.push(await measureBare(browser, site.origin, relay.origin));
      warm.push(await measureClick(browser, site.origin, relay.origin, 'pk_demo', true));
    }
    const of = (phase: Phase, kind: keyof Task) => tasks.flatMap((one) => one[phase]?.[kind] ?? []);
    const verdict = (value: number, limit: number) => (value <= limit ? `within ${limit} ms` : `MISSED: ${limit} ms`);
    return {
      lines: [
        ...PHASES.flatMap((phase) => [
          `${row(`${TITLES[phase]}, processor`, of(phase, 'cpuMs'))}  best ${Math.min(...of(phase, 'cpuMs')).toFixed(1)}  ${verdict(percentile(of(phase, 'cpuMs'), 50), LONGEST_TASK_MS)}`,
          row(`${' '.repeat(13)} on the wall`, of(phase, 'wallMs')),
        ]),
        row('click → microphone and worklet, an empty page with no widget', bare),
        `${row('click → microphone recorded, nothing fetched before', cold)}  ${verdict(percentile(cold, 95), LONGEST_CLICK_MS)}`,
        `${row('click → microphone recorded, preload="auto"', warm)}  ${verdict(percentile(warm, 95), LONGEST_CLICK_MS)}`,
      ],
      json: { tasks, click: { cold, warm, bare } },
    };
  } finally {
    await browser.close();
    await relay.stop();
    await site.close();
    await emulator.close();
  }
}
