/**
 * Conversations that outlive their connection and their page, in Chromium: the wire is cut in every state of the
 * arbiter, and the page is left for another one in the same tab.
 */
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator } from '../relay/emulator/emulator.ts';
import { ChaosProxy } from '../relay/testing/chaos-proxy.ts';
import { joined, tapProvider, type ProviderTap } from '../relay/testing/provider-tap.ts';
import { concat, mix, noise, silence, speech, wav } from '../relay/testing/speech.ts';
import type { StateName } from '#arbiter';
import type {} from './index.ts';
import {
  embedPage,
  startBrowser,
  startCustomerSite,
  startRelay,
  type CustomerSite,
  type RunningRelay,
} from './testing/e2e.ts';
import { keepSound, soundOf } from './testing/page-sound.ts';
import { checkAgentSound, checkUserSound } from './testing/same-sound.ts';

let emulator: Emulator;
let tap: ProviderTap;
let relay: RunningRelay;
let proxy: ChaosProxy;
let site: CustomerSite;
let browser: Browser;

beforeAll(async () => {
  site = await startCustomerSite();
  emulator = await startEmulator();
  tap = await tapProvider(emulator.url);
  relay = await startRelay({
    ALLOWED_ORIGINS: site.origin,
    ...{ OPENAI_API_KEY: 'sk-for-the-emulator', OPENAI_BASE_URL: tap.url },
    // A busy machine is no failure of a part.
    ...{ POLICY_BUDGET_MS: '10000', INTERRUPT_DECISION_MS: '2000', TURN_DECISION_MS: '10000' },
  });
  proxy = await ChaosProxy.listen(Number(new URL(relay.origin).port));
});
afterAll(async () => {
  await proxy.close();
  await relay.stop();
  await site.close();
  await tap.close();
  await emulator.close();
});
afterEach(async () => {
  await browser.close();
  emulator.faults.clear();
});

type Logged = {
  type: string;
  state?: string;
  kept?: string;
  outcome?: string;
  replayed?: boolean;
  role?: string;
  text?: string;
  reason?: string;
};
declare global {
  interface Window {
    told: Logged[];
    cutAt(moment: string): void;
  }
}

/** A page whose widget's events are kept. */
async function open(attributes: string, microphone: Int16Array): Promise<Page> {
  site.html = embedPage(relay.origin, `open debug src="http://localhost:${proxy.port}" ${attributes}`);
  browser = await startBrowser({ microphone: wav(microphone) });
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(keepSound);
  await page.evaluateOnNewDocument(() => {
    window.told = [];
    document.addEventListener('DOMContentLoaded', () => {
      const element = document.querySelector('voice-jib-jab') as HTMLElement;
      for (const type of ['start', 'end', 'reconnecting', 'reconnected', 'turnend', 'error', 'transcript', 'debug'])
        element.addEventListener(type, (event) => {
          const { detail, replayed, reason, entry, outcome } = event as unknown as {
            detail?: { type: string; state?: string; kept?: string };
            replayed?: boolean;
            outcome?: string;
            reason?: string;
            entry?: { role: string; text: string };
          };
          const said = entry ? { role: entry.role, text: entry.text } : {};
          const told: Logged = { type: detail ? `debug ${detail.type}` : type, ...said };
          if (detail?.state) told.state = detail.state;
          if (detail?.kept) told.kept = detail.kept;
          if (outcome !== undefined) told.outcome = outcome;
          if (replayed !== undefined) told.replayed = replayed;
          if (reason !== undefined) told.reason = reason;
          window.told.push(told);
        });
    });
  });
  await page.goto(site.origin, { waitUntil: 'load' });
  await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
  return page;
}

async function start(page: Page): Promise<void> {
  // Locators watch the document only: what comes later within a shadow root they never see.
  await page.waitForFunction(() => document.querySelector('voice-jib-jab')?.shadowRoot?.querySelector('[data-id=mic]'));
  await page.locator('voice-jib-jab >>> [data-id=mic]').click();
}
const told = (page: Page, type: string) =>
  page.evaluate((wanted) => window.told.filter((one) => one.type === wanted), type);
const until = (page: Page, type: string, count = 1) =>
  page.waitForFunction(
    (wanted, least) => window.told.filter((one) => one.type === wanted).length >= least,
    { timeout: 25_000 },
    type,
    count,
  );
const untilState = (page: Page, state: string) =>
  page.waitForFunction((wanted) => window.told.some((one) => one.state === wanted), { timeout: 25_000 }, state);

describe('a conversation whose wire is cut', () => {
  it.each(['LISTENING', 'B_PLAYING'])('in %s goes on as if nothing had been', async (state) => {
    const question = await speech('What is two plus three?');
    const page = await open('', concat(silence(1_500), question, silence(20_000)));
    await start(page);
    await untilState(page, state);
    // The page is told that it is listened to before its beginning has arrived; cut then, it begins again.
    await until(page, 'debug provider.changed');
    proxy.cut('reset');
    await until(page, 'turnend');
    await until(page, 'debug session.resumed');
    const lines = await told(page, 'transcript');
    expect(lines.findLast(({ role }) => role === 'user')?.text).toMatch(/two plus three/i);
    expect(lines.findLast(({ role }) => role === 'agent')?.text).toMatch(/five/i);
    expect(await told(page, 'debug session.created')).toHaveLength(1);
    // Nobody noticed: a gap of less than a second is no news.
    expect([await told(page, 'reconnecting'), await told(page, 'reconnected'), await told(page, 'error')]).toEqual([
      ...[[], [], []],
    ]);
  });
});

/** When the wire is cut, each once: by what the page is told, or does. `held`: the gate, by somebody who speaks. */
const MOMENTS: Record<Exclude<StateName, 'IDLE'> | 'SPEAKING' | 'held', Record<string, unknown>> = {
  // Before this the relay may not know that there is a conversation: `link/handshake-cuts.test.ts`, with `IDLE`.
  LISTENING: { type: 'provider.changed', up: true },
  SPEAKING: { type: 'onset', paused: false },
  B_RESPONDING: { type: 'state.changed', state: 'B_RESPONDING' },
  A_PLAYING: { type: 'state.changed', state: 'A_PLAYING' },
  B_PLAYING: { type: 'playout' },
  held: { type: 'onset', paused: true },
  FALLBACK_PLAYING: { type: 'state.changed', state: 'FALLBACK_PLAYING' },
  ENDED: { type: 'ended' },
};

/** Cuts the wire at each of the moments, and most next connections while both shake hands. @returns those that were. */
async function cutInEach(page: Page): Promise<string[]> {
  const cuts: string[] = [];
  await page.exposeFunction('cutAt', (moment: string) => {
    const kind = cuts.length % 2 === 0 ? 'reset' : 'close';
    cuts.push(moment);
    // The agent's short sound would be over by then.
    const isCutAgain = moment !== 'B_RESPONDING' && moment !== 'ENDED';
    if (isCutAgain) void proxy.cutNext({ direction: 'down', afterBytes: 130 * cuts.length, kind });
    proxy.cut(kind);
  });
  await page.evaluate((moments) => {
    const element = document.querySelector('voice-jib-jab') as HTMLElement;
    const left = Object.entries(moments);
    const due: string[] = [];
    let isThere = true;
    const look = (seen: Record<string, unknown>) => {
      const at = left.findIndex(([, moment]) => Object.entries(moment).every(([key, value]) => seen[key] === value));
      if (at !== -1) due.push(...left.splice(at, 1).map(([moment]) => moment));
      if (seen['type'] === 'session.resumed') isThere = true;
      const [next] = isThere ? due.splice(0, 1) : [];
      if (next === undefined) return;
      isThere = false;
      window.cutAt(next);
    };
    element.addEventListener('debug', (event) => look((event as Event & { detail: Record<string, unknown> }).detail));
    element.addEventListener('end', () => look({ type: 'ended' }));
  }, MOMENTS);
  return cuts;
}

describe('a conversation whose wire is cut in every state of the arbiter', () => {
  it('goes on each time, and every sample of both sides arrives once and in its place', async () => {
    // The agent takes its time, so that it says that it is there.
    emulator.faults.set({ 'first-audio-ms': 1_500 });
    const said = concat(
      silence(1_500),
      ...[await speech('Tell me a long story'), silence(5_500), await speech('Mm-hm.'), silence(30_000)],
    );
    const page = await open('', mix(said, noise(said.length / 24, -58, 5)));
    const cuts = await cutInEach(page);
    await start(page);
    await until(page, 'debug gate.resume');
    emulator.faults.clear();
    const send = (words: string) => page.evaluate((text) => document.querySelector('voice-jib-jab')?.send(text), words);
    await send('Should I put my savings into a fund?');
    await until(page, 'turnend', 2);
    await send('What is two plus three?');
    await until(page, 'turnend', 3);
    expect((await told(page, 'turnend')).map(({ outcome }) => outcome)).toEqual(['superseded', 'refused', 'answered']);
    const lines = await page.evaluate(() =>
      document.querySelector('voice-jib-jab')!.transcript.map(({ role, text }) => ({ role, text })),
    );
    expect(lines.filter(({ role }) => role === 'user').map(({ text }) => text)).toEqual([
      ...['Tell me a long story.', 'Should I put my savings into a fund?', 'What is two plus three?'],
    ]);
    expect(lines.findLast(({ role }) => role === 'agent')?.text).toMatch(/five/i);

    await page.evaluate(() => document.querySelector('voice-jib-jab')?.stop());
    await until(page, 'end');
    const sound = await soundOf(page);
    const spoken = joined(sound.spoken);
    const tapped = tap.connections.findLast(({ heard }) => heard.length > 0);
    checkUserSound(spoken, joined(tapped?.heard ?? []));
    expect(checkAgentSound(sound.reached, tapped ?? { spoken: new Map() })).toBeGreaterThan(0);
    // Clips come once, whole, and are played once each time.
    expect(new Set(sound.clips.map(({ clip }) => clip)).size).toBe(sound.clips.length);
    expect(sound.plays.length).toBeGreaterThan(1);
    expect(new Set(sound.plays.map(({ epoch, clip }) => `${epoch} ${clip}`)).size).toBe(sound.plays.length);

    const resumed = await told(page, 'debug session.resumed');
    expect(new Set(cuts)).toEqual(new Set(Object.keys(MOMENTS)));
    // Each was a cut of its own; with the end nobody came back.
    expect(resumed.length).toBeGreaterThanOrEqual(cuts.length - 1);
    expect(new Set(resumed.map(({ kept }) => kept))).toEqual(new Set(['all']));
    expect(await told(page, 'debug session.created')).toHaveLength(1);
    expect(await told(page, 'error')).toEqual([]);

    // What has ended stays so: who presses again begins anew.
    await start(page);
    await until(page, 'debug session.created', 2);
    expect(await told(page, 'debug session.resumed')).toHaveLength(resumed.length);
  });
});

describe('a page that is left for another one of the same tab', () => {
  it('goes on there, with its words, where it is to', async () => {
    const question = await speech('What is two plus three?');
    const page = await open('resume="tab"', concat(silence(1_500), question, silence(20_000)));
    await start(page);
    await until(page, 'turnend');
    const session = await page.evaluate(() => document.querySelector('voice-jib-jab')?.sessionId);
    await page.goto(`${site.origin}/next`, { waitUntil: 'load' });
    await until(page, 'reconnected');
    const next = await page.evaluate(() => {
      const element = document.querySelector('voice-jib-jab');
      return {
        session: element?.sessionId,
        words: element?.transcript.map(({ text }) => text).join(' '),
        kept: Object.keys(sessionStorage).filter((key) => key.includes('call:')),
        local: JSON.stringify(Object.keys(localStorage)),
      };
    });
    expect(next.session).toBe(session);
    expect(next.words).toMatch(/two plus three.*five/i);
    expect([next.kept, next.local]).toEqual([[], '[]']);
    expect(await told(page, 'reconnected')).toMatchObject([{ replayed: true }]);
    expect(await told(page, 'debug session.created')).toEqual([]);
  });

  it('ends, and leaves nothing behind, where it is not', async () => {
    const page = await open('', silence(5_000));
    await start(page);
    await until(page, 'start');
    await page.goto(`${site.origin}/next`, { waitUntil: 'load' });
    await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
    expect(await page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.includes('call:')))).toEqual([]);
    expect(await page.evaluate(() => document.querySelector('voice-jib-jab')?.readyState)).toBe(1);
  });
});
