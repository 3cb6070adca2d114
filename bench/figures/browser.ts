/**
 * What a person would notice, in a real browser: from the end of what they said to the first sound,
 * from the onset of their voice to silence, and how often a noise is taken for a voice.
 */
import { TimeoutError, type Page } from 'puppeteer-core';
import { concat, gain, mix, noise, rms, silence, speech, wav } from '../../relay/testing/speech.ts';
import { startEmulator } from '../../relay/emulator/emulator.ts';
import { startBrowser, startRelay } from '../../widget/testing/e2e.ts';
import type {} from '../../widget/index.ts';
import { runHandOvers } from './hand-over.ts';
import { detectionsMs, installInstruments, readInstruments, silencesMs, type Instruments } from './instruments.ts';
import { row } from './percentiles.mjs';

const ROOM_DB = -58;
const OFFICE_DB = -45;
const SAMPLES_MS = 24;
/** A soft voice in a loud room. */
const SOFT_DB = -30;
const LOUD_ROOM_DB = -40;
/** How much softer than played the agent comes back, and how late. */
const ECHOES = [-20, -30, -40] as const;
const ECHO_MS = 60;
/** How long the agent is listened to with nothing but noise or its echo in the microphone. */
const ALONE_MS = 35_000;
const GAP_MS = 10;
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
type Measured = Seen & { heard: Instruments };

/** A room in which `said` is heard. */
function inRoom(said: Int16Array, db: number): Uint8Array {
  return wav(mix(said, noise(said.length / SAMPLES_MS, db, 3)));
}

/** Speech whose sounding parts are at `db` dBFS RMS, as far as a recording without long pauses tells. */
const atLevel = (samples: Int16Array, db: number) => gain(samples, db - 20 * Math.log10(rms(samples)));

/** Runs one call on the demo page until `done`, and gives back what the page saw. */
async function callOnDemo(
  origin: string,
  microphone: Uint8Array,
  done: (page: Page) => Promise<unknown>,
  echoDb: number | null = null,
): Promise<Measured> {
  const browser = await startBrowser({ microphone });
  try {
    const page = await browser.newPage();
    // The instruments' own worklet comes from a blob, which the page's policy need not allow.
    await page.setBypassCSP(true);
    await page.evaluateOnNewDocument(installInstruments, echoDb === null ? null : { gainDb: echoDb, delayMs: ECHO_MS });
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
    const seen = await page.evaluate(() => window.bench);
    return { ...seen, heard: await page.evaluate(readInstruments) };
  } finally {
    await browser.close();
  }
}

/** One question to the browser is answered within three minutes or not at all; a call may be longer. */
const LONGEST_QUESTION_MS = 60_000;

/** Resolves when the page has seen `wanted` turns end. */
async function turnsSeen(page: Page, wanted: number, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const leftMs = until - performance.now();
    const timeout = Math.max(1, Math.min(leftMs, LONGEST_QUESTION_MS));
    try {
      await page.waitForFunction((count) => window.bench.turns.length >= count, { timeout }, wanted);
      return;
    } catch (error) {
      if (!(error instanceof TimeoutError) || leftMs <= LONGEST_QUESTION_MS) throw error;
    }
  }
}

const count = (what: string, figure: string | number) => `${what.padEnd(58)} ${figure}`;
const superseded = (seen: Seen) => seen.turns.filter(({ outcome }) => outcome === 'superseded').length;
/** The first onset is the question. */
const falseOnsets = (seen: Measured | undefined) => Math.max(0, (seen?.heard.onsets.length ?? Number.NaN) - 1);
const largest = (values: readonly number[]) => Math.max(0, ...values);

async function measureHandOvers(origin: string, wanted: number): Promise<Awaited<ReturnType<typeof runHandOvers>>> {
  const browser = await startBrowser({});
  try {
    const page = await browser.newPage();
    await page.setBypassCSP(true);
    await page.goto(`${origin}/demo/`);
    const worklet = `${origin}/voice-jib-jab.worklet.js`;
    return await page.evaluate(runHandOvers, { worklet, count: wanted, gapMs: GAP_MS });
  } finally {
    await browser.close();
  }
}

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

    const softly = Math.ceil(bargeIns / 2);
    progress(`a soft voice in a loud room: about ${Math.round(softly * 5)} s`);
    const soft = atLevel(story, SOFT_DB);
    const murmured = concat(silence(1500), ...Array.from({ length: softly + 1 }, () => concat(soft, silence(3600))));
    const softSpoken = await callOnDemo(relay.origin, inRoom(murmured, LOUD_ROOM_DB), (page) =>
      turnsSeen(page, softly, murmured.length / SAMPLES_MS + 20_000),
    );

    progress(`noise and echo: about ${Math.round(((ECHOES.length + 1) * (ALONE_MS + 3000)) / 1000)} s`);
    const alone = concat(silence(1500), story, silence(ALONE_MS + 3000));
    const listened = (db: number, echoDb: number | null) =>
      callOnDemo(relay.origin, inRoom(alone, db), (page) => turnsSeen(page, 1, ALONE_MS + 25_000), echoDb);
    const alarms = await listened(OFFICE_DB, null);
    const echoes: Measured[] = [];
    for (const db of ECHOES) echoes.push(await listened(ROOM_DB, db));

    progress('hand-overs: about 35 s');
    const handOvers = await measureHandOvers(relay.origin, 50);

    const sent = (seen: Seen, name: 'A' | 'B') => seen.turns.flatMap(({ firstSentMs }) => firstSentMs[name] ?? []);
    const ears = (seen: Seen) => seen.turns.flatMap(({ ttfaMs }) => ttfaMs ?? []);
    const decisions = interrupted.pauses.map(({ detectMs }) => detectMs);
    return {
      lines: [
        row('end of turn → answer leaves the relay, model at once', sent(answered, 'B')),
        row('end of turn → first audible sample, model at once', ears(answered)),
        row(`end of turn → reflex told to play, model after ${SLOW_MODEL_MS} ms`, sent(waited, 'A')),
        row(`end of turn → answer leaves the relay, model after ${SLOW_MODEL_MS} ms`, sent(waited, 'B')),
        row(`end of turn → first audible sample, model after ${SLOW_MODEL_MS} ms`, ears(waited)),
        row('detector’s decision → first silent render quantum', silencesMs(interrupted.heard)),
        // The first onset of a recording opens the first turn and interrupts nothing.
        row('acoustic onset → decision, by the microphone’s energy', detectionsMs(interrupted.heard).slice(-bargeIns)),
        row('acoustic onset → decision, by the detector’s own account', decisions),
        row(
          `acoustic onset → decision, ${SOFT_DB} dBFS over ${LOUD_ROOM_DB} dBFS of noise`,
          detectionsMs(softSpoken.heard).slice(-softly),
        ),
        count('turns superseded by a barge-in', `${superseded(interrupted)} of ${bargeIns}`),
        count('largest step in a fade to silence', largest(interrupted.heard.fadeSteps).toFixed(3)),
        count(`onsets taken from noise of ${OFFICE_DB} dBFS in ${ALONE_MS / 1000} s of answer`, falseOnsets(alarms)),
        ...ECHOES.map((db, index) => {
          const one = echoes[index];
          const lost = one === undefined ? '' : `, answers lost ${one.turns.length === 1 ? superseded(one) : '?'}`;
          return count(`onsets taken from an echo of ${db} dB in ${ALONE_MS / 1000} s`, `${falseOnsets(one)}${lost}`);
        }),
        row(`lane A → lane B, from fade to first sample`, handOvers.changesMs),
        row('lane A → lane B, silence between them', handOvers.silentMs),
        count('lane A → lane B, samples of both at once', handOvers.overlapSamples),
        count('frames of the recordings that were lost', interrupted.heard.lost + softSpoken.heard.lost),
      ],
      json: { answered, waited, interrupted, softSpoken, alarms, echoes, handOvers },
    };
  } finally {
    await relay.stop();
    await emulator.close();
  }
}
