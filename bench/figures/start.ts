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

const THROTTLE = 4;
/** Longer than this is what browsers call a long task. */
export const LONGEST_TASK_MS = 50;
/** From a click to a microphone that is recorded, with the permission given. */
export const LONGEST_CLICK_MS = 150;
/** What is traced; `bare` is a page with nothing in it that asks for the microphone and makes a context. */
export const PHASES = {
  load: 'the script is loaded',
  open: 'the panel is opened',
  call: 'a call is started and answered',
  bare: 'an empty page asks for the microphone and makes a context',
} as const;
export type Phase = keyof typeof PHASES;

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

export type LongestTasks = Partial<Record<Phase, Task>>;

/** The longest task of the page's main thread between the marks of each phase: by the processor, and on the wall. */
export function longestTasks(events: readonly TraceEvent[]): LongestTasks {
  const found: LongestTasks = {};
  for (const phase of Object.keys(PHASES) as Phase[]) {
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
    found[phase] = {
      cpuMs: Math.max(0, ...tasks.map(({ tdur, dur = 0 }) => tdur ?? dur)) / 1000,
      wallMs: Math.max(0, ...tasks.map(({ dur = 0 }) => dur)) / 1000,
    };
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
/** Until the page has nothing to do; one that draws nothing is not always told so, and waited for a second. */
const atRest = (page: Page) =>
  page.evaluate(() => {
    const idle = () => new Promise<unknown>((resolve) => requestIdleCallback(resolve, { timeout: 1000 }));
    return idle()
      .then(idle)
      .then(() => undefined);
  });

type During = (phase: Phase, act: () => Promise<unknown>) => Promise<void>;

/** @param act - what is done in a page at rest whose processor is slow. */
function traced(browser: Browser, site: string, act: (page: Page, during: During) => Promise<void>) {
  return inFreshWindow(browser, async (page) => {
    await page.goto(site, { waitUntil: 'load' });
    const devtools = await page.createCDPSession();
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: THROTTLE });
    await atRest(page);
    await page.tracing.start({ categories: ['toplevel', 'devtools.timeline', 'blink.user_timing'] });
    await act(page, async (phase, work) => {
      await mark(page, `${phase} begins`);
      await work();
      await atRest(page);
      await mark(page, `${phase} ends`);
    });
    const trace = (await page.tracing.stop()) ?? new Uint8Array();
    const { traceEvents } = JSON.parse(Buffer.from(trace).toString('utf8')) as { traceEvents: TraceEvent[] };
    return longestTasks(traceEvents);
  });
}

const measureTasks = (browser: Browser, site: string, relay: string, tenant: string) =>
  traced(browser, site, async (page, during) => {
    await during('load', () => addWidget(page, relay, tenant));
    await during('open', async () => {
      await page.evaluate(async () => {
        const element = document.querySelector('voice-jib-jab');
        element?.show();
        await element?.updateComplete;
      });
    });
    // The page itself asks and listens: questions of the measuring would be tasks that nobody else has.
    await page.evaluate(() => {
      const element = document.querySelector('voice-jib-jab');
      document.querySelector('#go')?.addEventListener('click', () => void element?.start());
      element?.addEventListener('start', () => setTimeout(() => element.send('When are you open?')));
      element?.addEventListener('transcript', ({ entry }) => {
        if (entry.role === 'agent') performance.mark('answered');
      });
    });
    await during('call', async () => {
      await page.click('#go');
      await seen(page, 'answered');
    });
  });

/** The same for what the browser itself takes. */
const measureBareTask = (browser: Browser, site: string) =>
  traced(browser, site, async (page, during) => {
    await page.evaluate(() => {
      document.querySelector('#go')?.addEventListener('click', () => {
        const sound = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
        const microphone = navigator.mediaDevices.getUserMedia({ audio: sound });
        const context = new AudioContext();
        void Promise.all([microphone, context.resume()]).then(() => performance.mark('recording'));
      });
    });
    await during('bare', async () => {
      await page.click('#go');
      await seen(page, 'recording');
    });
  });

/** Until the page has made a mark. */
const seen = (page: Page, name: string) =>
  page.evaluate(
    (text) =>
      new Promise<void>((resolve) => {
        const look = () => performance.getEntriesByName(text).length > 0 && resolve();
        new PerformanceObserver(look).observe({ type: 'mark' });
        look();
      }),
    name,
  );

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

/** The first sound of a browser, which starts the service for it: of an empty page, and of a call. A browser each. */
async function measureFirst(site: string, relay: string): Promise<{ bare: LongestTasks; call: LongestTasks }> {
  const alone = async (measure: (browser: Browser) => Promise<LongestTasks>) => {
    const browser = await startBrowser();
    try {
      return await measure(browser);
    } finally {
      await browser.close();
    }
  };
  return {
    bare: await alone((browser) => measureBareTask(browser, site)),
    call: await alone((browser) => measureTasks(browser, site, relay, 'pk_demo')),
  };
}

export async function measureStart({ rounds, clicks, firsts }: { rounds: number; clicks: number; firsts: number }) {
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
    const tasks: LongestTasks[] = [];
    for (let i = 0; i < rounds; i++) {
      const bare = await measureBareTask(browser, site.origin);
      tasks.push({ ...bare, ...(await measureTasks(browser, site.origin, relay.origin, 'pk_demo')) });
    }
    const first: { bare: LongestTasks; call: LongestTasks }[] = [];
    for (let i = 0; i < firsts; i++) first.push(await measureFirst(site.origin, relay.origin));
    const cold: number[] = [];
    const warm: number[] = [];
    const bare: number[] = [];
    for (let i = 0; i < clicks; i++) {
      cold.push(await measureClick(browser, site.origin, relay.origin, 'pk_demo', false));
      bare.push(await measureBare(browser, site.origin, relay.origin));
      warm.push(await measureClick(browser, site.origin, relay.origin, 'pk_demo', true));
    }
    return { tasks, first, click: { cold, warm, bare } };
  } finally {
    await browser.close();
    await relay.stop();
    await site.close();
    await emulator.close();
  }
}
