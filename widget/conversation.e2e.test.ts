/**
 * Whole spoken conversations: Chromium's microphone plays recorded speech, the built relay and the
 * emulator answer, and what is asserted on are the samples at the page's output and what the
 * emulator received and remembers.
 */
import type { Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createVoice } from '../relay/emulator/voice/voice.ts';
import { follow, levelOf, locate, resampleTo, silentFrom, toFloat } from '../relay/testing/listening.ts';
import { concat, silence, speech } from '../relay/testing/speech.ts';
import type {} from './index.ts';
import { RATE_HZ } from '../relay/wire/index.ts';
import { recordingOf } from './testing/e2e.ts';
import { startStage, type Stage } from './testing/stage.ts';

/** Enough to tell one second of speech from another. */
const COARSE_HZ = 6_000;

interface TurnSeen {
  outcome: string;
  turn: string;
}
interface Seen {
  turns: TurnSeen[];
  phases: string[];
  interrupts: { heardMs: number }[];
}
declare global {
  interface Window {
    seen: Seen;
  }
}

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});
afterEach(() => stage.clear());
afterAll(() => stage.stop());

/** Opens the customer's page with a microphone that says `said`, and starts the call by a click. */
async function call(said: Int16Array, attributes = ''): Promise<Page> {
  const page = await stage.open(said, attributes);
  await page.evaluate(() => {
    const assistant = document.querySelector('voice-jib-jab')!;
    window.seen = { turns: [], phases: [], interrupts: [] };
    assistant.addEventListener('turnend', (event) => {
      const { outcome, turn } = event as Event & TurnSeen;
      window.seen.turns.push({ outcome, turn });
    });
    assistant.addEventListener('phasechange', () => window.seen.phases.push(assistant.phase));
    assistant.addEventListener('interrupt', (event) => {
      window.seen.interrupts.push({ heardMs: (event as Event & { heardMs: number }).heardMs });
    });
  });
  await page.click('#begin');
  return page;
}

const turnsEnded = (page: Page, count: number) =>
  page.waitForFunction((wanted) => window.seen.turns.length >= wanted, { timeout: 60_000 }, count);

async function heardAt24k(page: Page): Promise<Float32Array> {
  const { rateHz, samples } = await recordingOf(page);
  return resampleTo(samples, rateHz, RATE_HZ);
}

/** What the emulator's voice says, sample by sample. */
async function voiceOf(text: string): Promise<Float32Array> {
  const voice = await createVoice();
  return toFloat(await voice.speak(text, { voice: 'marin' }));
}

const session = () => {
  const last = stage.emulator.sessions().at(-1);
  if (last === undefined) throw new Error('the emulator has no session');
  return last;
};
type Part = { transcript?: string | null };
const itemsOf = (role: string) =>
  session().items.filter((item) => item['role'] === role) as unknown as {
    id: string;
    status: string;
    content: Part[];
    truncated_at_ms: number | null;
  }[];
const words = (role: string) => itemsOf(role).map(({ content }) => content[0]?.transcript ?? '');

describe('a spoken conversation', () => {
  it('answers a spoken question aloud, whole and without a gap, having received it intact', async () => {
    const question = await speech('What are your opening hours?');
    const page = await call(concat(silence(1200), question, silence(15_000)));
    await turnsEnded(page, 1);
    const answer = words('assistant')[0] ?? '';
    expect(answer).toContain('open');
    expect(await page.evaluate(() => window.seen.turns[0]?.outcome)).toBe('answered');

    const heard = await heardAt24k(page);
    const expected = await voiceOf(answer);
    const hearing = follow(heard, expected, RATE_HZ);
    expect(hearing, 'the answer is in the recording').toBeDefined();
    expect(hearing!.gapMs).toBeLessThanOrEqual(60);
    expect(hearing!.heardMs).toBeGreaterThan((expected.length / RATE_HZ) * 1000 - 300);

    expect(words('user')).toEqual(['What are your opening hours?']);
    const audio = await fetch(`${stage.emulator.url.replace('/v1', '')}/emulator/sessions/latest/audio`);
    const bytes = await audio.arrayBuffer();
    const received = toFloat(new Int16Array(bytes.slice(0, bytes.byteLength - (bytes.byteLength % 2))));
    const spoken = follow(received, toFloat(question), RATE_HZ);
    expect(spoken, 'the question is in what the model received').toBeDefined();
    expect(spoken!.gapMs).toBeLessThanOrEqual(5);

    const transcript = await page.evaluate(() =>
      document.querySelector('voice-jib-jab')!.transcript.map(({ role, text }) => ({ role, text })),
    );
    expect(transcript).toEqual([
      { role: 'user', text: 'What are your opening hours?' },
      { role: 'agent', text: answer },
    ]);
  });

  it('falls silent when interrupted, says nothing of the killed answer afterwards, and remembers what was heard', async () => {
    const page = await call(
      concat(
        silence(1200),
        await speech('Tell me a long story'),
        silence(6500),
        await speech('What is two plus three?'),
        silence(12_000),
      ),
    );
    await turnsEnded(page, 2);
    expect(await page.evaluate(() => window.seen.turns.map(({ outcome }) => outcome))).toEqual([
      'superseded',
      'answered',
    ]);
    const heard = await heardAt24k(page);
    const story = await voiceOf(
      'Once upon a time there was a lighthouse keeper who lived alone on a small island. Every evening she climbed two hundred steps, lit the great lamp, and wrote down the name of each ship that went by. One winter the fog came in and stayed for seven days.',
    );
    const hearing = follow(heard, story, RATE_HZ);
    expect(hearing).toBeDefined();
    expect(hearing!.gapMs).toBeLessThanOrEqual(60);

    // The truncation, against the samples that reached the output.
    const cutMs = itemsOf('assistant')[0]?.truncated_at_ms ?? Number.NaN;
    const end = silentFrom(heard, RATE_HZ, hearing!.startsAt + RATE_HZ, 400);
    // Blocks that the output was late with are none of the answer's.
    const heardMs = ((end - hearing!.startsAt) * 1000) / RATE_HZ - hearing!.gapMs;
    expect(Math.abs(cutMs - heardMs)).toBeLessThanOrEqual(20);

    // After the silence comes the new answer, and no part of the old one.
    const answer = await voiceOf(words('assistant').at(-1) ?? '');
    const after = heard.subarray(end);
    expect(follow(after, answer, RATE_HZ)?.heardMs ?? 0).toBeGreaterThan(400);
    const coarse = (samples: Float32Array) => resampleTo(samples, RATE_HZ, COARSE_HZ);
    const killed = coarse(story.subarray(Math.round((heardMs / 1000) * RATE_HZ) + RATE_HZ / 10));
    for (let at = 0; at + COARSE_HZ < Math.min(killed.length, COARSE_HZ * 4); at += COARSE_HZ) {
      expect(locate(coarse(after), killed.subarray(at, at + COARSE_HZ)).likeness).toBeLessThan(0.4);
    }
  });

  it('is held by an mm-hm, goes on after it, and remembers nothing of it', async () => {
    const page = await call(
      concat(silence(1200), await speech('Tell me a long story'), silence(5000), await speech('Mm-hm.'), silence(9000)),
    );
    await page.waitForFunction(() => window.seen.phases.includes('held'), { timeout: 20_000 });
    await page.waitForFunction(() => window.seen.phases.at(-1) === 'speaking', { timeout: 5_000 });
    const resumed = (await heardAt24k(page)).length;
    await page.waitForFunction(
      (wanted) => (window.vjjRecording?.blocks.at(-1)?.frame ?? 0) / (window.vjjRecording?.rateHz ?? 1) > wanted,
      { timeout: 20_000 },
      resumed / RATE_HZ + 3,
    );
    expect(await page.evaluate(() => window.seen.turns)).toEqual([]);
    expect(levelOf((await heardAt24k(page)).subarray(resumed))).toBeGreaterThan(0.02);
    expect(words('user')).toEqual(['Tell me a long story.']);
  });

  it('holds the turn open while the button is pressed, and answers when it is let go', async () => {
    const page = await call(
      concat(silence(1500), await speech('What is two plus three?'), silence(10_000)),
      'turn="hold"',
    );
    await page.waitForFunction(() => document.querySelector('voice-jib-jab')!.phase === 'listening');
    await page.evaluate(() =>
      document.querySelector('voice-jib-jab')!.shadowRoot!.querySelector<HTMLElement>('[part~="mic"]')!.focus(),
    );
    await page.keyboard.down('Space');
    await page.waitForFunction((level) => document.querySelector('voice-jib-jab')!.levels.in > level, {}, 0.05);
    await page.waitForFunction(
      (level) => document.querySelector('voice-jib-jab')!.levels.in < level,
      { polling: 900 },
      0.01,
    );
    expect(await page.evaluate(() => window.seen.turns.length)).toBe(0);
    await page.keyboard.up('Space');
    await turnsEnded(page, 1);
    expect(words('user')).toEqual(['What is two plus three?']);
    expect(words('assistant')).toEqual(['Two plus three is five.']);
    expect(session().config.audio.input.turn_detection).toBeNull();
  });

  it('answers what is typed, by way of a function of the page', async () => {
    const page = await stage.open(null);
    await page.evaluate(() => {
      const assistant = document.querySelector('voice-jib-jab')!;
      window.seen = { turns: [], phases: [], interrupts: [] };
      assistant.addEventListener('turnend', (event) => {
        const { outcome, turn } = event as Event & TurnSeen;
        window.seen.turns.push({ outcome, turn });
      });
      assistant.defineTool(
        'get_weather',
        { description: 'Weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
        (said: unknown) => `rain in ${(said as { city: string }).city}`,
      );
      document.body.addEventListener('click', () => assistant.send('What is the weather in Paris?'), { once: true });
    });
    await page.click('h1');
    await turnsEnded(page, 1);
    expect(await page.evaluate(() => window.seen.turns[0]?.outcome)).toBe('answered');
    expect(words('assistant').at(-1)?.toLowerCase()).toContain('rain in paris');
  });
});
