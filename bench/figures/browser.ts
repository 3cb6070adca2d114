/**
 * What a person would notice, in a real browser: from the end of what they said to the first sound,
 * from the onset of their voice to silence, and how often a noise is taken for a voice.
 */
import type { Page } from 'puppeteer-core';
import { concat, mix, noise, silence, speech, wav } from '../../relay/testing/speech.ts';
import { startEmulator } from '../../relay/emulator/emulator.ts';
import { startBrowser, startRelay } from '../../widget/testing/e2e.ts';
import type {} from '../../widget/index.ts';
import { row } from './percentiles.mjs';

const ROOM_DB = -58;
const OFFICE_DB = -45;
const SAMPLES_MS = 24;
/** Long enough that a reflex hides the wait. */
const SLOW_MODEL_MS = 800;

interface Seen {
  turns: { outcome: string; ttfaMs: number | null; firstSentMs: { A?: number; B?: number } }[];
  pauses: { detectMs: number; silenceMs: number }[];
  onsets: number;
}
declare global {
  interface Window {
    bench: Seen;
  }
}

/** A room in which `said` is heard. */
function inRoom(said: Int16Array, db: number): Uint8Array {
  return wav(mix(said, noise(said.length / SAMPLES_MS, db, 3)));
}

/** Runs one call on the demo page until `done`, and gives back what the page saw. */
async function callOnDemo(
  origin: string,
  microphone: Uint8Array,
  done: (page: Page) => Promise<unknown>,
): Promise<Seen> {
  const browser = await startBrowser({ microphone });
  try {
    const page = await browser.newPage();
    await page.goto(`${origin}/demo/`);
    await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
    await page.evaluate(() => {
      const element = document.querySelector('voice-jib-jab');
      if (element === null) throw new Error('the demo has no assistant');
      window.bench = { turns: [], pauses: [], onsets: 0 };
      element.addEventListener('turnend', ({ outcome, metrics }) => {
        window.bench.turns.push({
          outcome,
          ttfaMs: metrics.ttfaMs,
          firstSentMs: metrics.firstSentMs as { B?: number },
        });
      });
      element.addEventListener('debug', ({ detail }) => {
        if (detail.type === 'pause') window.bench.pauses.push(detail);
        if (detail.type === 'onset') window.bench.onsets += 1;
      });
      document.body.addEventListener('click', () => void element.start(), { once: true });
    });
    await page.click('h1');
    await done(page);
    return await page.evaluate(() => window.bench);
  } finally {
    await browser.close();
  }
}

const turnsSeen = (page: Page, count: number, timeoutMs: number) =>
  page.waitForFunction((wanted) => window.bench.turns.length >= wanted, { timeout: timeoutMs }, count);

export async function measureBrowser(options: {
  turns: number;
  bargeIns: number;
  progress: (text: string) => void;
}): Promise<{ lines: string[]; json: Record<string, unknown> }> {
  const { turns, bargeIns, progress } = options;
  const emulator = await startEmulator({ faults: { 'first-audio-ms': 0, 'created-ms': 0 } });
  const relay = await startRelay({ OPENAI_API_KEY: 'sk-for-the-bench', OPENAI_BASE_URL: emulator.url });
  try {
    const question = await speech('What is two plus three?');
    const story = await speech('Tell me a long story');

    progress(`turns: about ${Math.round(turns * 12.4)} s`);
    const asked = concat(silence(1500), ...Array.from({ length: turns }, () => concat(question, silence(4500))));
    const answered = await callOnDemo(relay.origin, inRoom(asked, ROOM_DB), (page) =>
      turnsSeen(page, turns, asked.length / SAMPLES_MS + 20_000),
    );

    emulator.faults.set({ 'first-audio-ms': SLOW_MODEL_MS });
    const waited = await callOnDemo(relay.origin, inRoom(asked, ROOM_DB), (page) =>
      turnsSeen(page, turns, asked.length / SAMPLES_MS + 20_000),
    );
    emulator.faults.set({ 'first-audio-ms': 0 });

    progress(`barge-ins: about ${Math.round(bargeIns * 5)} s`);
    const insisted = concat(silence(1500), ...Array.from({ length: bargeIns + 1 }, () => concat(story, silence(3600))));
    const interrupted = await callOnDemo(relay.origin, inRoom(insisted, ROOM_DB), (page) =>
      turnsSeen(page, bargeIns, insisted.length / SAMPLES_MS + 20_000),
    );

    progress('noise: about 40 s');
    const noisy = concat(silence(1500), story, silence(38_000));
    const alarms = await callOnDemo(relay.origin, inRoom(noisy, OFFICE_DB), (page) => turnsSeen(page, 1, 60_000));

    const sent = (seen: Seen, name: 'A' | 'B') => seen.turns.flatMap(({ firstSentMs }) => firstSentMs[name] ?? []);
    const ears = (seen: Seen) => seen.turns.flatMap(({ ttfaMs }) => ttfaMs ?? []);
    const decisions = interrupted.pauses.map(({ detectMs }) => detectMs);
    const silences = interrupted.pauses.map(({ silenceMs }) => silenceMs);
    return {
      lines: [
        row('end of turn → answer leaves the relay, model at once', sent(answered, 'B')),
        row('end of turn → first audible sample, model at once', ears(answered)),
        row(`end of turn → reflex told to play, model after ${SLOW_MODEL_MS} ms`, sent(waited, 'A')),
        row(`end of turn → answer leaves the relay, model after ${SLOW_MODEL_MS} ms`, sent(waited, 'B')),
        row(`end of turn → first audible sample, model after ${SLOW_MODEL_MS} ms`, ears(waited)),
        row('detector’s decision → first silent render quantum', silences),
        row('acoustic onset → detector’s decision', decisions),
        `${'turns superseded by a barge-in'.padEnd(58)} ${interrupted.turns.filter(({ outcome }) => outcome === 'superseded').length} of ${bargeIns}`,
        `${`onsets taken from noise of ${OFFICE_DB} dBFS in 35 s of answer`.padEnd(58)} ${Math.max(0, alarms.onsets - 1)}`,
      ],
      json: { answered, waited, interrupted, alarms },
    };
  } finally {
    await relay.stop();
    await emulator.close();
  }
}
