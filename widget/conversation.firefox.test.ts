/**
 * Whole conversations in Firefox, on a strict page, through a sound card: what a person says goes into a microphone
 * device, and what is asserted on is what came out of the loudspeaker, what the relay and the model hold for true,
 * and that the browser complained of nothing.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createVoice } from '../relay/emulator/voice/voice.ts';
import { levelOf, locate, resampleTo, silentFrom, toFloat } from '../relay/testing/listening.ts';
import { concat, silence, speech } from '../relay/testing/speech.ts';
import { RATE_HZ } from '../relay/wire/index.ts';
import type {} from './index.ts';
import { startFirefox } from './testing/firefox.ts';
import { startRoom, type Room } from './testing/room.ts';

const STORY =
  'Once upon a time there was a lighthouse keeper who lived alone on a small island. Every evening she climbed two hundred steps, lit the great lamp, and wrote down the name of each ship that went by. One winter the fog came in and stayed for seven days.';
const AUDIBLE = 0.01;
/** Enough to tell one half second of speech from another. */
const COARSE_HZ = 6_000;
/** Of what is found to what was looked for. */
const ALIKE = 0.6;
/** Between what the model remembers and what the loudspeaker gave: its latency is the browser's estimate. */
const CUT_WITHIN_MS = 200;
/** The browser takes noise out of the voice and levels it: the emulator, which knows recordings by heart, may then only tell that somebody spoke. */
const HEARD = (phrase: string) =>
  expect.toSatisfy((words: string) => words === phrase || words.startsWith('[speech')) as string;

let room: Room;

beforeAll(async () => {
  room = await startRoom(startFirefox);
}, 120_000);
afterEach(async () => {
  expect(await room.complaints()).toEqual([]);
  await room.clear();
});
afterAll(() => room.stop());

const ms = (samples: number) => (samples * 1000) / RATE_HZ;
async function voiceOf(text: string): Promise<Float32Array> {
  const voice = await createVoice();
  return toFloat(await voice.speak(text, { voice: 'marin' }));
}
interface Item {
  status: string;
  content: { transcript?: string | null; text?: string | null }[];
  truncated_at_ms: number | null;
}
function itemsOf(role: string): Item[] {
  const items = room.emulator.sessions().at(-1)?.items ?? [];
  return items.filter((item) => item['role'] === role) as unknown as Item[];
}
const words = (role: string) => itemsOf(role).map(({ content }) => content[0]?.transcript ?? content[0]?.text ?? '');
const phase = (page: Page, wanted: string) =>
  page.waitForFunction((one) => document.querySelector('voice-jib-jab')!.phase === one, { timeout: 15_000 }, wanted);
const turnsEnded = (page: Page, count: number) =>
  page.waitForFunction((wanted) => window.roomSeen.turns.length >= wanted, { timeout: 40_000 }, count);
const outcomes = (page: Page) => page.evaluate(() => window.roomSeen.turns.map(({ outcome }) => outcome));
const begin = async (page: Page) => {
  await page.click('#begin');
  await phase(page, 'listening');
  await room.card.untilListening(1);
};
/** Says it after a second of room, in which the browser learns what is noise. */
const say = async (phrase: string) => room.card.say(concat(silence(1_200), await speech(phrase)));
/** How like the newest sound is to half a second of what is expected, `afterMs` into it, and where it began in it. */
function find(heard: Float32Array, expected: Float32Array, afterMs: number) {
  const [whole, voice] = [heard, expected].map((sound) => resampleTo(sound, RATE_HZ, COARSE_HZ)) as [
    Float32Array,
    Float32Array,
  ];
  const at = (afterMs * COARSE_HZ) / 1000;
  const { offset, likeness } = locate(whole, voice.subarray(at, at + COARSE_HZ / 2));
  return { likeness, startsAt: Math.round(((offset - at) * RATE_HZ) / COARSE_HZ) };
}
/** Resolves when the agent has been heard for so long. */
const heardFor = (forMs: number) =>
  room.card.speaker.until(
    (newest) => levelOf(newest.subarray(0, RATE_HZ / 10)) > AUDIBLE && levelOf(newest) > AUDIBLE,
    forMs,
  );
const focusMicrophone = (page: Page) =>
  page.evaluate(() =>
    document.querySelector('voice-jib-jab')!.shadowRoot!.querySelector<HTMLElement>('[data-id=mic]')!.focus(),
  );
/** Where the focus is, through shadow roots. */
const focused = (page: Page) =>
  page.evaluate(() => {
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    return active?.getAttribute('data-id') ?? active?.id ?? '';
  });

// Five programs share the machine's time: where one came too late for a moment, it may try again.
describe('in Firefox', { retry: 1 }, () => {
  it('a spoken question is understood, and its answer is heard at the loudspeaker to its end', async () => {
    const { card } = room;
    const page = await room.open();
    const from = card.speaker.length;
    await begin(page);
    await say('What are your opening hours?');
    await turnsEnded(page, 1);
    expect(words('user')).toEqual([HEARD('What are your opening hours?')]);
    expect(await outcomes(page)).toEqual(['answered']);
    const answer = words('assistant')[0] ?? '';
    const expected = await voiceOf(answer);
    const heard = card.speaker.samples(from);
    expect(find(heard, expected, 300).likeness, 'its beginning').toBeGreaterThan(ALIKE);
    expect(find(heard, expected, ms(expected.length) - 1_000).likeness, 'its end').toBeGreaterThan(ALIKE);
    const texts = await page.evaluate(() =>
      document.querySelector('voice-jib-jab')!.transcript.map(({ text }) => text),
    );
    expect(texts).toEqual([...words('user'), answer]);
  });

  it('the loudspeaker falls silent when somebody speaks over the answer, and the model remembers what was heard', async () => {
    const { card } = room;
    const page = await room.open();
    const from = card.speaker.length;
    await begin(page);
    await page.evaluate(() => document.querySelector('voice-jib-jab')!.send('Tell me a long story'));
    await heardFor(3_000);
    await card.say(await speech('What is two plus three?'));
    await turnsEnded(page, 2);
    const [first, second] = await outcomes(page);
    expect(first).not.toBe('answered');
    expect(second).toBe('answered');

    const heard = card.speaker.samples(from);
    const story = find(heard, await voiceOf(STORY), 300);
    expect(story.likeness, 'the story came out of the loudspeaker').toBeGreaterThan(ALIKE);
    const end = silentFrom(heard, RATE_HZ, story.startsAt + RATE_HZ, 400);
    const cutMs = itemsOf('assistant')[0]?.truncated_at_ms ?? Number.NaN;
    expect(Math.abs(cutMs - ms(end - story.startsAt))).toBeLessThanOrEqual(CUT_WITHIN_MS);
    const answer = await voiceOf(words('assistant').at(-1) ?? '');
    expect(find(heard.subarray(end), answer, 300).likeness, 'the next answer').toBeGreaterThan(ALIKE);
  });

  it('the launcher, a typed question and Escape need no pointer, and closing lets go of the microphone', async () => {
    const page = await room.open('');
    await page.evaluate(() => document.querySelector<HTMLElement>('#begin')!.focus());
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await phase(page, 'listening');
    await room.card.untilListening(1);
    expect(await page.evaluate(() => document.querySelector('voice-jib-jab')!.open)).toBe(true);
    // From the microphone back over the settings to the keyboard; further on there is only the browser itself.
    await page.keyboard.down('Shift');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.up('Shift');
    expect(await focused(page)).toBe('keyboard');
    await page.keyboard.press('Enter');
    await page.waitForFunction(
      () => document.querySelector('voice-jib-jab')!.shadowRoot!.activeElement?.getAttribute('data-id') === 'input',
    );
    await page.keyboard.type('What is two plus three?');
    await page.keyboard.press('Enter');
    await turnsEnded(page, 1);
    expect(words('assistant')).toEqual(['Two plus three is five.']);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !document.querySelector('voice-jib-jab')!.open);
    await room.card.untilListening(0);
    expect(await focused(page)).toBe('launcher');
  });

  it('a key that is held holds the turn, and letting it go asks', async () => {
    const page = await room.open('open turn="hold"');
    await begin(page);
    await focusMicrophone(page);
    await page.keyboard.down(' ');
    await say('What is two plus three?');
    expect(await outcomes(page)).toEqual([]);
    await page.keyboard.up(' ');
    await turnsEnded(page, 1);
    expect(words('user')).toEqual([HEARD('What is two plus three?')]);
    expect(room.emulator.sessions().at(-1)?.config.audio.input.turn_detection).toBeNull();
  });

  it('muting lets go of the microphone and unmuting opens it again, in a call with Opus both ways', async () => {
    const page = await room.open('open mute-policy="release" codec="opus"');
    await begin(page);
    await focusMicrophone(page);
    await page.keyboard.press('Enter');
    await room.card.untilListening(0);
    await page.keyboard.press('Enter');
    await room.card.untilListening(1);
    const from = room.card.speaker.length;
    await say('What is two plus three?');
    await turnsEnded(page, 1);
    expect(words('user')).toEqual([HEARD('What is two plus three?')]);
    const answer = await voiceOf(words('assistant')[0] ?? '');
    expect(find(room.card.speaker.samples(from), answer, 300).likeness).toBeGreaterThan(ALIKE);
  });

  it('axe finds nothing to say against any variant, before and during a call, open and closed', async () => {
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    for (const variant of ['launcher', 'panel', 'inline', 'bar']) {
      const page = await room.open(`variant="${variant}" lang="en"`);
      await page.evaluate(axe);
      const violations = () =>
        page.evaluate(async () => {
          const { axe } = globalThis as unknown as { axe: { run(on: Element): Promise<AxeResults> } };
          const { violations } = await axe.run(document.querySelector('voice-jib-jab')!);
          return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`);
        });
      expect(await violations(), `${variant}, ready`).toEqual([]);
      await begin(page);
      expect(await violations(), `${variant}, listening`).toEqual([]);
      expect(await room.complaints()).toEqual([]);
    }
  });
});
