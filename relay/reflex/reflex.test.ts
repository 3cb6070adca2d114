import { describe, expect, it } from 'vitest';
import { concat, noise, silence, speech } from '../testing/speech.ts';
import { hum } from './hum.ts';
import { fadeEnds, matchLoudness, speechLevel, trimSilence } from './loudness.ts';
import { MOST_WORDS, REFLEX_LANGUAGES, checkPhrase, phrasesFor } from './phrases.ts';
import { ClipRefused, LONGEST_REFLEX_MS, TARGET_DBFS, finishClip, renderClip } from './render.ts';
import { makeWordless } from './wordless.ts';

const open = new AbortController().signal;
const msOf = (samples: Int16Array) => samples.length / 24;

/** Pitch of `samples` around `atMs`, by autocorrelation over 40 ms. */
function pitchAt(samples: Int16Array, atMs: number): number {
  const from = Math.round((atMs - 20) * 24);
  const window = Float64Array.from(samples.slice(from, from + 960));
  const alike = (lag: number) => window.subarray(lag).reduce((sum, value, at) => sum + value * window[at]!, 0);
  let best = 70;
  for (let lag = 70; lag < 320; lag++) if (alike(lag) / (960 - lag) > alike(best) / (960 - best)) best = lag;
  return 24_000 / best;
}

describe('the wordless clips', () => {
  const made = makeWordless();
  const clips = made.map(({ clip }) => clip);

  it('are "mm", "hmm" and "mhm" in a low and a high voice, short, level and the same every time', () => {
    const ids = ['mm-low', 'hmm-low', 'mhm-low', 'mm-high', 'hmm-high', 'mhm-high'].map((id) => `clip_${id}`);
    expect(clips.map((clip) => clip.id)).toEqual(ids);
    for (const clip of clips) {
      expect(clip.kind).toBe('reflex');
      expect(clip.text).toBeUndefined();
      expect(clip.ms).toBeLessThanOrEqual(LONGEST_REFLEX_MS);
      expect(clip.ms).toBe(Math.ceil(msOf(clip.samples)));
      expect(speechLevel(clip.samples)).toBeCloseTo(TARGET_DBFS, 0);
      expect(Math.abs(clip.samples[0]!)).toBeLessThan(50);
      expect(Math.abs(clip.samples.at(-1)!)).toBeLessThan(50);
    }
    expect(makeWordless()).toEqual(made);
  });

  it('have two in each voice that only listen, and one that agrees', () => {
    expect(clips.map((clip) => clip.affirmative)).toEqual([false, false, true, false, false, true]);
  });

  it('carry a melody: "mm" falls, "mhm" steps up', () => {
    const mm = hum({ sound: 'mm', pitchHz: 110, ms: 400 });
    expect(pitchAt(mm, 330)).toBeLessThan(pitchAt(mm, 130) * 0.97);
    const mhm = hum({ sound: 'mhm', pitchHz: 110, ms: 500 });
    expect(pitchAt(mhm, 340)).toBeGreaterThan(pitchAt(mhm, 80) * 1.12);
    expect(mhm).toHaveLength(12_000);
  });

  it('have no step a listener would hear as a click', () => {
    for (const { samples } of clips) {
      const steps = samples.slice(1).map((value, at) => Math.abs(value - samples[at]!));
      expect(Math.max(...steps)).toBeLessThan(4000);
    }
  });
});

describe('a rendered clip', () => {
  it('is trimmed, brought to the target loudness and faded', async () => {
    const said = concat(silence(400), await speech('stop'), silence(700));
    const clip = await renderClip('Stop.', 'reflex', async () => said, { signal: open });
    expect(clip).toMatchObject({ kind: 'reflex', text: 'Stop.', affirmative: false });
    expect(clip.ms).toBeLessThan(450);
    expect(speechLevel(clip.samples)).toBeCloseTo(TARGET_DBFS, 0);
    expect(clip.samples[0]).toBe(0);
    expect(clip.samples.at(-1)).toBe(0);
    const soft = await renderClip('Stop.', 'reflex', async () => said, {
      signal: open,
      targetDb: -26,
      affirmative: true,
    });
    expect(speechLevel(soft.samples)).toBeCloseTo(-26, 0);
    expect(soft.affirmative).toBe(true);
  });

  it('has an id that is the same for the same sound', async () => {
    const said = await speech('hello');
    const [one, two, other] = await Promise.all([
      renderClip('Hello.', 'refusal', async () => said, { signal: open }),
      renderClip('Hello.', 'refusal', async () => said, { signal: open }),
      renderClip('Hello.', 'fallback', async () => said, { signal: open }),
    ]);
    expect(one.id).toBe(two.id);
    expect(one.id).not.toBe(other.id);
  });

  it('gives up its soft edges before it is refused, then is refused with the reason', () => {
    const tone = (ms: number) => noise(ms, -20);
    expect(finishClip(concat(silence(50), tone(590), silence(50)), { kind: 'reflex', affirmative: false }).ms).toBe(
      590,
    );
    expect(() => finishClip(tone(640), { kind: 'reflex', affirmative: false })).toThrow(/lasts 640 ms.*600 ms/);
    expect(finishClip(tone(640), { kind: 'refusal', affirmative: false }).ms).toBe(640);
    expect(() => finishClip(tone(10_100), { kind: 'refusal', affirmative: false })).toThrow(ClipRefused);
  });

  it('is refused where it is silent', () => {
    for (const nothing of [silence(500), new Int16Array(0)]) {
      expect(() => finishClip(nothing, { kind: 'fallback', affirmative: false })).toThrow(
        expect.objectContaining({ code: 'silent' }),
      );
    }
  });

  it('is not asked for when nobody wants it any more', async () => {
    const gone = AbortSignal.abort();
    await expect(
      renderClip('Hm.', 'reflex', () => Promise.reject(new Error('asked')), { signal: gone }),
    ).rejects.toThrow('aborted');
  });
});

describe('loudness', () => {
  it('counts only what sounds', async () => {
    const said = await speech('hello');
    expect(speechLevel(concat(silence(900), said, silence(900)))).toBeCloseTo(speechLevel(said), 0);
    expect(speechLevel(silence(100))).toBe(-Infinity);
    expect(matchLoudness(silence(10), -20)).toEqual(silence(10));
  });

  it('never clips to get louder', async () => {
    const loud = matchLoudness(await speech('hello'), -2);
    expect(Math.max(...loud.map(Math.abs))).toBeLessThanOrEqual(Math.ceil(0.94 * 32_767));
  });

  it('trims and fades even the shortest sound', () => {
    expect(trimSilence(Int16Array.of(9000), 10, 10)).toEqual(Int16Array.of(9000));
    expect(fadeEnds(Int16Array.of(9000, 9000), 5)).toEqual(Int16Array.of(0, 0));
    expect(fadeEnds(new Int16Array(0), 5)).toHaveLength(0);
  });
});

describe('what a reflex may say', () => {
  it('is listed for eleven languages, and every listed phrase passes the check', () => {
    expect([...REFLEX_LANGUAGES].sort()).toEqual(['ar', 'de', 'en', 'es', 'fr', 'hi', 'it', 'ja', 'ko', 'pt', 'zh']);
    for (const language of REFLEX_LANGUAGES) {
      const phrases = phrasesFor(language);
      for (const mood of ['neutral', 'affirmative'] as const) {
        expect(phrases[mood].length).toBeGreaterThan(1);
        for (const phrase of phrases[mood]) {
          expect({ phrase, ...checkPhrase(phrase, language, mood) }).toEqual({ phrase, ok: true });
        }
      }
    }
  });

  it('goes by the language of a tag, and is nothing for an unknown one', () => {
    expect(phrasesFor('pt-BR')).toBe(phrasesFor('pt'));
    expect(phrasesFor('EN_us')).toBe(phrasesFor('en'));
    expect(phrasesFor('tlh')).toEqual({ neutral: [], affirmative: [] });
    expect(phrasesFor('constructor').neutral).toEqual([]);
  });

  it.each([
    ['', 'en', 'empty'],
    ['…', 'en', 'empty'],
    ['That costs 5 dollars', 'en', 'factual'],
    ['Only €', 'de', 'factual'],
    ['Nur €9', 'de', 'factual'],
    ['See www.example.com', 'en', 'factual'],
    ['Shall I?', 'en', 'question'],
    ['本当に？', 'ja', 'question'],
    ['I promise', 'en', 'promise'],
    ['Guaranteed, of course', 'en', 'promise'],
    ['I’ll do it', 'en', 'promise'],
    ['Das ist garantiert', 'de', 'promise'],
    ['必ずやります', 'ja', 'promise'],
    ['我保证', 'zh', 'promise'],
    ['반드시요', 'ko', 'promise'],
    ['Your parcel has been sent', 'en', 'too-long'],
    ['Ich schaue einmal schnell nach', 'de', 'too-long'],
    ['Donaudampfschifffahrtsgesellschaftskapitänsmütze', 'de', 'too-long'],
    ['No, sorry', 'en', 'denial'],
    ['不行', 'zh', 'denial'],
    ['Yes', 'en', 'affirmative'],
    ['Ja, Moment', 'de', 'affirmative'],
    ['はい', 'ja', 'affirmative'],
    ['네.', 'ko', 'affirmative'],
  ])('refuses %j (%s) among the neutral ones as %s', (phrase, locale, reason) => {
    const check = checkPhrase(phrase, locale, 'neutral');
    expect(check).toMatchObject({ ok: false, reason });
    if (!check.ok) expect(check.advice).toMatch(/\.$/);
  });

  it('lets a yes be affirmative, and four words be said', () => {
    expect(checkPhrase('Yes.', 'en', 'affirmative')).toEqual({ ok: true });
    expect(checkPhrase('Just give me a', 'en', 'neutral')).toEqual({ ok: true });
    expect(MOST_WORDS).toBe(4);
  });

  it('checks an unknown language by everything but its words', () => {
    expect(checkPhrase('nuqneH', 'tlh', 'neutral')).toEqual({ ok: true });
    expect(checkPhrase('one two three four five', 'tlh', 'neutral')).toMatchObject({ reason: 'too-long' });
  });
});
