/**
 * Whole conversations in Firefox, on a strict page and through a sound card: what is asserted on is what came out of
 * the loudspeaker device, what the model holds for true, who has the microphone device open, and that the browser
 * complained of nothing. Sound is told by what it says, never by when it came.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createVoice } from '../relay/emulator/voice/voice.ts';
import { levelOf, locate, resampleTo, toFloat } from '../relay/testing/listening.ts';
import { concat, silence, speech } from '../relay/testing/speech.ts';
import { RATE_HZ } from '../relay/wire/index.ts';
import type {} from './index.ts';
import { startRoom, type Room } from './testing/room.ts';

const STORY =
  'Once upon a time there was a lighthouse keeper who lived alone on a small island. Every evening she climbed two hundred steps, lit the great lamp, and wrote down the name of each ship that went by. One winter the fog came in and stayed for seven days.';
/** Of the story, before somebody speaks over it: some three seconds. */
const SOME_WORDS = 10;
const AUDIBLE = 0.01;
/** Enough to tell one half second of speech from another. */
const COARSE_HZ = 6_000;
/** Of what is found to what was looked for. */
const ALIKE = 0.6;
/** The same for the fifth of a second that `follow` looks for, and for the first of them, which may be anywhere. */
const PIECE_ALIKE = 0.7;
const SURELY = 0.85;
/** Of an answer's pieces: what was never sent or played is no gap. */
const MOST = 0.7;
/** Between what the model remembers and what the loudspeaker gave: the device's lateness is taken for 40 ms here. */
const CUT_WITHIN_MS = 250;
const [TAB, ENTER, ESCAPE, SHIFT] = ['\uE004', '\uE006', '\uE00C', '\uE008'];

let room: Room;

beforeAll(async () => {
  room = await startRoom();
}, 120_000);
afterEach(async () => {
  expect(await room.complaints()).toEqual([]);
  await room.clear();
});
afterAll(() => room.stop());

interface Item {
  content: { transcript?: string | null; text?: string | null }[];
  truncated_at_ms: number | null;
}
function itemsOf(role: string): Item[] {
  const items = room.emulator.sessions().at(-1)?.items ?? [];
  return items.filter((item) => item['role'] === role) as unknown as Item[];
}
const words = (role: string) => itemsOf(role).map(({ content }) => content[0]?.transcript ?? content[0]?.text ?? '');
async function voiceOf(text: string): Promise<Float32Array> {
  const voice = await createVoice();
  return toFloat(await voice.speak(text, { voice: 'marin' }));
}
/** Says it after a second in which nobody does. */
const say = async (phrase: string) => room.say(concat(silence(1_000), await speech(phrase)));

/** What it came to, for whoever reads of a failure. */
const state = () => {
  const assistant = document.querySelector('voice-jib-jab')!;
  return { phase: assistant.phase, error: String(assistant.error), ...window.roomSeen };
};
const phase = (wanted: string) =>
  room.page.until((one) => document.querySelector('voice-jib-jab')!.phase === one, [wanted], { otherwise: state });
const turnsEnded = (count: number) =>
  room.page.until((wanted) => window.roomSeen.turns.length >= wanted, [count], { withinMs: 45_000, otherwise: state });
const outcomes = () => room.page.run(() => window.roomSeen.turns);
const begin = async () => {
  await room.page.click('#begin');
  await phase('listening');
};
const focusMicrophone = () =>
  room.page.run(() =>
    document.querySelector('voice-jib-jab')!.shadowRoot!.querySelector<HTMLElement>('[data-id=mic]')!.focus(),
  );
/** Where the focus is, through shadow roots. */
const focused = () =>
  room.page.run(() => {
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    return active?.getAttribute('data-id') ?? active?.id ?? '';
  });

/** How like the most similar place of what was heard is to a piece of a voice. */
const heardIn = (heard: Float32Array, voice: Float32Array, fromMs: number, pieceMs = 500) => {
  const at = Math.round((fromMs * RATE_HZ) / 1000);
  const piece = voice.subarray(at, at + (pieceMs * RATE_HZ) / 1000);
  return locate(
    ...([heard, piece].map((sound) => resampleTo(sound, RATE_HZ, COARSE_HZ)) as [Float32Array, Float32Array]),
  ).likeness;
};
/** Where a piece of a voice may have been heard: at its place in the voice, so much later. */
interface Place {
  at: number;
  lag: number;
  isSure: boolean;
  /** Pieces in the longest way that ends here, and the one before. */
  length: number;
  before: Place | null;
}

/** Every place that sounds like the piece, each the best of its surroundings. */
function placesOf(whole: Float32Array, piece: Float32Array, at: number): Place[] {
  const places: Place[] = [];
  const near = piece.length / 4;
  for (let from = 0; from + piece.length <= whole.length; from += near) {
    const best = locate(whole, piece, from, Math.min(from + near, whole.length - piece.length));
    if (best.likeness <= PIECE_ALIKE) continue;
    places.push({ at, lag: best.offset - at, isSure: best.likeness > SURELY, length: 0, before: null });
  }
  return places;
}

/**
 * How much of a voice was heard, piece by piece and in its order, 0 … 1, and whether any of its last second was. A
 * machine that has no time leaves gaps: a piece with one in it is lost, and the rest comes later. Vowels sound alike:
 * of all ways through the places the longest counts.
 */
function follow(heard: Float32Array, voice: Float32Array): { share: number; toItsEnd: boolean } {
  const [whole, coarse] = [heard, voice].map((sound) => resampleTo(sound, RATE_HZ, COARSE_HZ)) as [
    Float32Array,
    Float32Array,
  ];
  const size = COARSE_HZ / 5;
  const pieces: number[] = [];
  const all: Place[] = [];
  let longest: Place | null = null;
  for (let at = 0; at + size <= coarse.length; at += size) {
    const piece = coarse.subarray(at, at + size);
    if (levelOf(piece) < AUDIBLE) continue;
    pieces.push(at);
    for (const place of placesOf(whole, piece, at)) {
      for (const one of all) {
        const later = place.lag - one.lag;
        if (one.at === at || later < -COARSE_HZ / 10 || later > COARSE_HZ || one.length < place.length) continue;
        place.length = one.length + 1;
        place.before = one;
      }
      // The way begins where there is no doubt.
      if (place.length === 0 && !place.isSure) continue;
      place.length = Math.max(1, place.length);
      all.push(place);
      if (place.length > (longest?.length ?? 0)) longest = place;
    }
  }
  const found = new Set<number>();
  for (let place = longest; place !== null; place = place.before) found.add(place.at);
  return { share: found.size / pieces.length, toItsEnd: pieces.slice(-5).some((at) => found.has(at)) };
}

describe('in Firefox', () => {
  it('a spoken question is understood, and its answer comes out of the loudspeaker to its end', async () => {
    const { card, page } = room;
    await room.open();
    const from = card.speaker.length;
    await begin();
    await say('What are your opening hours?');
    await page.until((level) => document.querySelector('voice-jib-jab')!.levels.out > level, [AUDIBLE], {
      otherwise: state,
    });
    await turnsEnded(1);
    expect(words('user')).toEqual(['What are your opening hours?']);
    expect(await outcomes()).toEqual(['answered']);
    const answer = words('assistant')[0] ?? '';
    const voice = await voiceOf(answer);
    const { share, toItsEnd } = follow(card.speaker.samples(from), voice);
    expect(share, 'of the answer').toBeGreaterThan(MOST);
    expect(toItsEnd).toBe(true);
    const texts = await page.run(() => document.querySelector('voice-jib-jab')!.transcript.map(({ text }) => text));
    expect(texts).toEqual(['What are your opening hours?', answer]);
  });

  it('speech over an answer ends it: nothing more of it is heard, and the model remembers what was', async () => {
    const { card, page } = room;
    await room.open();
    const from = card.speaker.length;
    await begin();
    await page.run(() => document.querySelector('voice-jib-jab')!.send('Tell me a long story'));
    await page.until((enough) => window.roomSeen.heardWords >= enough, [SOME_WORDS], { otherwise: state });
    await room.say(await speech('What is two plus three?'));
    await turnsEnded(2);
    expect(await outcomes()).toEqual(['superseded', 'answered']);
    expect(words('user').at(-1)).toBe('What is two plus three?');
    const story = await voiceOf(STORY);
    const heard = card.speaker.samples(from);
    const cutMs = itemsOf('assistant')[0]?.truncated_at_ms ?? Number.NaN;
    const remembered = [500, 1_000, 1_500].map((agoMs) => heardIn(heard, story, cutMs - CUT_WITHIN_MS - agoMs));
    expect(Math.max(...remembered), 'the last of what is remembered').toBeGreaterThan(ALIKE);
    for (const laterMs of [0, 1_000, 2_000]) {
      const likeness = heardIn(heard, story, cutMs + CUT_WITHIN_MS + laterMs, 1_000);
      expect(likeness, 'what is not remembered').toBeLessThan(ALIKE);
    }
    const answer = await voiceOf(words('assistant').at(-1) ?? '');
    expect(follow(heard, answer).share, 'of the next answer').toBeGreaterThan(MOST);
  });

  it('the launcher, a typed question and Escape need no pointer, and closing lets go of the microphone', async () => {
    const { card, page } = room;
    await room.open('', 'device');
    await page.run(() => document.querySelector<HTMLElement>('#begin')!.focus());
    await page.press(TAB, ENTER);
    await phase('listening');
    await card.untilListening(1);
    expect(await page.run(() => document.querySelector('voice-jib-jab')!.open)).toBe(true);
    // From the microphone back over the settings to the keyboard; further on there is only the browser itself.
    await page.key('keyDown', SHIFT);
    await page.press(TAB, TAB);
    await page.key('keyUp', SHIFT);
    expect(await focused()).toBe('keyboard');
    await page.press(ENTER);
    await page.until(
      () => document.querySelector('voice-jib-jab')!.shadowRoot!.activeElement?.getAttribute('data-id') === 'input',
    );
    await page.press(...Array.from('What is two plus three?'), ENTER);
    await turnsEnded(1);
    expect(words('assistant')).toEqual(['Two plus three is five.']);
    await page.press(ESCAPE);
    await page.until(() => !document.querySelector('voice-jib-jab')!.open);
    await card.untilListening(0);
    expect(await focused()).toBe('launcher');
  });

  it('a key that is held holds the turn, and letting it go asks', async () => {
    const { page } = room;
    await room.open('open turn="hold"');
    await begin();
    await focusMicrophone();
    await page.key('keyDown', ' ');
    await say('What is two plus three?');
    expect(await outcomes()).toEqual([]);
    await page.key('keyUp', ' ');
    await turnsEnded(1);
    expect(words('user')).toEqual(['What is two plus three?']);
    expect(words('assistant')).toEqual(['Two plus three is five.']);
    expect(room.emulator.sessions().at(-1)?.config.audio.input.turn_detection).toBeNull();
  });

  it('muting lets go of the microphone device and unmuting opens it again, in a call with Opus both ways', async () => {
    const { card, page } = room;
    await room.open('open mute-policy="release" codec="opus"', 'device');
    await begin();
    await card.untilListening(1);
    await focusMicrophone();
    await page.press(ENTER);
    await card.untilListening(0);
    await page.press(ENTER);
    await card.untilListening(1);
    const from = card.speaker.length;
    await card.say(concat(silence(1_000), await speech('What is two plus three?')));
    // What the browser makes of a voice is not word for word what was said; that somebody spoke gets through.
    await page.until(() => window.roomSeen.turns.includes('answered'), [], { withinMs: 45_000, otherwise: state });
    const voice = await voiceOf(words('assistant').at(-1) ?? '');
    expect(follow(card.speaker.samples(from), voice).share, 'of the answer').toBeGreaterThan(MOST);
  });

  it('axe finds nothing to say against any variant, closed, ready and in a call', async () => {
    const { page } = room;
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const violations = () =>
      page.run(async () => {
        const { axe } = globalThis as unknown as { axe: { run(on: Element): Promise<AxeResults> } };
        const { violations } = await axe.run(document.querySelector('voice-jib-jab')!);
        return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`);
      });
    for (const variant of ['launcher', 'panel', 'inline', 'bar']) {
      await room.open(`variant="${variant}" lang="en"`);
      await page.load(axe);
      expect(await violations(), `${variant}, ready`).toEqual([]);
      await begin();
      expect(await violations(), `${variant}, listening`).toEqual([]);
      expect(await room.complaints()).toEqual([]);
    }
  });
});
