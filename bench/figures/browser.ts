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
import { detectionsMs, installInstruments, readInstruments, type Instruments } from './instruments.ts';
import { listenToProvider } from './provider-ear.ts';
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
export const SLOW_MODEL_MS = 800;

interface Seen {
  turns: { outcome: string; ttfaMs: number | null; firstSentMs: { A?: number; B?: number } }[];
  pauses: { detectMs: number; silenceMs: number }[];
  onsets: number;
  /** When the page heard of each pause, in milliseconds since 1970, and how long before it the sound had begun. */
  pausedAt: { at: number; detectMs: number }[];
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
  { echoDb = null, blockMs = 0 }: { echoDb?: number | null; blockMs?: number } = {},
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
      window.bench = { turns: [], pauses: [], onsets: 0, pausedAt: [] };
      element.addEventListener('turnend', ({ outcome, metrics }) => {
        window.bench.turns.push({
          outcome,
          ttfaMs: metrics.ttfaMs,
          firstSentMs: metrics.firstSentMs as { B?: number },
        });
      });
      element.addEventListener('debug', ({ detail }) => {
        if (detail.type === 'pause') {
          window.bench.pauses.push(detail);
          const { detectMs } = detail;
          window.bench.pausedAt.push({ at: performance.timeOrigin + performance.now() - detail.silenceMs, detectMs });
        }
        if (detail.type === 'onset') window.bench.onsets += 1;
      });
      document.body.addEventListener('click', () => void element.start(), { once: true });
    });
    await page.click('h1');
    if (blockMs > 0) await page.evaluate(blockMainThread, blockMs);
    await done(page);
    const seen = await page.evaluate(() => window.bench);
    return { ...seen, heard: await page.evaluate(readInstruments) };
  } finally {
    await browser.close();
  }
}

/** A page that is busy: its main thread is blocked for so long, again and again, with a breath between. Runs in the page. */
function blockMainThread(blockMs: number): void {
  const breathMs = 60;
  setInterval(() => {
    const until = performance.now() + blockMs;
    while (performance.now() < until);
  }, blockMs + breathMs);
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

/** What a person hears of interruptions, and (thorough) of noise, echo and a soft voice. */
export interface BrowserSeen {
  /** Calls with the model at once, and after {@link SLOW_MODEL_MS}. */
  answered: Measured;
  waited: Measured;
  interrupted: Measured;
  /** The same, with the main thread blocked again and again. */
  blocked: Measured;
  /** From the onset of a sound that interrupts to the provider's being told, in milliseconds. */
  toldMs: number[];
  lines: string[];
  json: Record<string, unknown>;
}

export const BLOCK_MS = 200;

export async function measureBrowser(options: {
  turns: number;
  bargeIns: number;
  blockedBargeIns: number;
  handOvers: number;
  /** Also noise, echo and a soft voice in a loud room: five minutes more. */
  isThorough: boolean;
  progress: (text: string) => void;
}): Promise<BrowserSeen> {
  const { turns, bargeIns, blockedBargeIns, progress } = options;
  const emulator = await startEmulator({ faults: { 'first-audio-ms': 0, 'created-ms': 0 } });
  const told = await listenToProvider(emulator.url);
  const relay = await startRelay({ OPENAI_API_KEY: 'sk-for-the-bench', OPENAI_BASE_URL: told.url });
  try {
    const question = await speech('What is two plus three?');
    const story = await speech('Tell me a long story');
    const patience = (samples: Int16Array) => samples.length / SAMPLES_MS + 20_000;

    progress(`turns: about ${Math.round(turns * 12.4)} s`);
    const asked = concat(silence(1500), ...Array.from({ length: turns }, () => concat(question, silence(4500))));
    const talk = () =>
      callOnDemo(relay.origin, inRoom(asked, ROOM_DB), (page) => turnsSeen(page, turns, patience(asked)));
    const answered = await talk();
    emulator.faults.set({ 'first-audio-ms': SLOW_MODEL_MS });
    const waited = await talk();
    emulator.faults.set({ 'first-audio-ms': 0 });

    const interrupt = (times: number, blockMs: number) => {
      const insisted = concat(silence(1500), ...Array.from({ length: times + 1 }, () => concat(story, silence(3600))));
      const until = (page: Page) => turnsSeen(page, times, patience(insisted));
      return callOnDemo(relay.origin, inRoom(insisted, ROOM_DB), until, { blockMs });
    };
    progress(`barge-ins: about ${Math.round(bargeIns * 5)} s`);
    const interrupted = await interrupt(bargeIns, 0);
    const toldMs = tellingMs(interrupted, told.at);
    progress(`barge-ins, main thread blocked: about ${Math.round(blockedBargeIns * 5)} s`);
    const blocked = await interrupt(blockedBargeIns, BLOCK_MS);

    progress('hand-overs');
    const handOvers = await measureHandOvers(relay.origin, options.handOvers);
    const more = options.isThorough
      ? await measureRooms(relay.origin, bargeIns, story, progress)
      : { lines: [], json: {} };
    return {
      ...{ answered, waited, interrupted, blocked, toldMs },
      lines: [
        count('turns superseded by a barge-in', `${superseded(interrupted)} of ${bargeIns}`),
        count('largest step in a fade to silence', largest(interrupted.heard.fadeSteps).toFixed(3)),
        row(`lane A → lane B, from fade to first sample`, handOvers.changesMs),
        row('lane A → lane B, silence between them', handOvers.silentMs),
        count('lane A → lane B, samples of both at once', handOvers.overlapSamples),
        count('frames of the recordings that were lost', interrupted.heard.lost + blocked.heard.lost),
        ...more.lines,
      ],
      json: { answered, waited, interrupted, blocked, toldMs, handOvers, ...more.json },
    };
  } finally {
    await relay.stop();
    await told.close();
    await emulator.close();
  }
}

/** The longest from an onset to the word of it to the provider. */
const LONGEST_TELLING_MS = 4_000;

function tellingMs({ pausedAt }: Seen, told: readonly number[]): number[] {
  return pausedAt.flatMap(({ at, detectMs }) => {
    const onset = at - detectMs;
    const first = told.find((one) => one >= at && one - onset < LONGEST_TELLING_MS);
    return first === undefined ? [] : [first - onset];
  });
}

async function measureRooms(origin: string, bargeIns: number, story: Int16Array, progress: (text: string) => void) {
  const softly = Math.ceil(bargeIns / 2);
  progress(`a soft voice in a loud room: about ${Math.round(softly * 5)} s`);
  const soft = atLevel(story, SOFT_DB);
  const murmured = concat(silence(1500), ...Array.from({ length: softly + 1 }, () => concat(soft, silence(3600))));
  const softSpoken = await callOnDemo(origin, inRoom(murmured, LOUD_ROOM_DB), (page) =>
    turnsSeen(page, softly, murmured.length / SAMPLES_MS + 20_000),
  );
  progress(`noise and echo: about ${Math.round(((ECHOES.length + 1) * (ALONE_MS + 3000)) / 1000)} s`);
  const alone = concat(silence(1500), story, silence(ALONE_MS + 3000));
  const listened = (db: number, echoDb: number | null) =>
    callOnDemo(origin, inRoom(alone, db), (page) => turnsSeen(page, 1, ALONE_MS + 25_000), { echoDb });
  const alarms = await listened(OFFICE_DB, null);
  const echoes: Measured[] = [];
  for (const db of ECHOES) echoes.push(await listened(ROOM_DB, db));
  return {
    lines: [
      row(
        `acoustic onset → decision, ${SOFT_DB} dBFS over ${LOUD_ROOM_DB} dBFS of noise`,
        detectionsMs(softSpoken.heard).slice(-softly),
      ),
      count(`onsets taken from noise of ${OFFICE_DB} dBFS in ${ALONE_MS / 1000} s of answer`, falseOnsets(alarms)),
      ...ECHOES.map((db, index) => {
        const one = echoes[index];
        const lost = one === undefined ? '' : `, answers lost ${one.turns.length === 1 ? superseded(one) : '?'}`;
        return count(`onsets taken from an echo of ${db} dB in ${ALONE_MS / 1000} s`, `${falseOnsets(one)}${lost}`);
      }),
    ],
    json: { softSpoken, alarms, echoes },
  };
}
