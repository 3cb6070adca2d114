import { mkdtemp, readFile, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../testing/speech.ts';
import { MOST_FILES, clipFiles } from './clip-files.ts';
import { type Clip, type ClipProblem, type ClipRequest, type Speak, createClipLibrary } from './library.ts';
import { speechLevel } from './loudness.ts';
import { finishClip } from './render.ts';

const REQUEST: ClipRequest = {
  model: 'gpt-realtime-2.1',
  voice: 'marin',
  locale: 'en-US',
  refusal: 'I cannot say that.',
  fallback: 'Something went wrong.',
  reflexPhrases: { neutral: ['Hmm.'], affirmative: ['Okay.'] },
};
const ALL = ['I cannot say that.', 'Something went wrong.', 'Hmm.', 'Okay.'];
const still = new AbortController().signal;

let dir: string;
beforeEach(async () => {
  dir = path.join(await mkdtemp(path.join(tmpdir(), 'clips-')), 'clips');
});
afterEach(() => rm(path.dirname(dir), { recursive: true, force: true }));

/** A library with what it was asked to speak and what went wrong. */
function library(options: { dir?: string | null; now?: () => number } = {}) {
  const spoken: string[] = [];
  const problems: ClipProblem[] = [];
  const clips = createClipLibrary({
    dir: options.dir === undefined ? dir : options.dir,
    now: options.now ?? (() => 0),
    onProblem: (problem) => problems.push(problem),
  });
  const speak: Speak = async (text) => {
    spoken.push(text);
    return noise(text.length > 8 ? 900 : 300, -30, text.length);
  };
  const get = async (request: Partial<ClipRequest> = {}, say = speak, signal = still) => {
    const got: Clip[] = [];
    await clips.clipsFor({ ...REQUEST, ...request }, say, signal, (clip) => got.push(clip));
    return got;
  };
  return { clips, spoken, problems, speak, get };
}

const texts = (clips: Clip[]) => clips.map((clip) => clip.text);

describe('the clip library', () => {
  it('has wordless clips before anything else, the same ones each time', () => {
    const { clips } = library();
    expect(clips.wordless()).toHaveLength(6);
    expect(clips.wordless()[0]).toBe(clips.wordless()[0]);
    expect(clips.wordless('Cedar').map((clip) => clip.id)).toEqual(['clip_mm-low', 'clip_hmm-low', 'clip_mhm-low']);
    expect(clips.wordless('marin').map((clip) => clip.id)).toEqual(['clip_mm-high', 'clip_hmm-high', 'clip_mhm-high']);
  });

  it('renders refusal and fallback first, then reflexes, and the idle clip where there is one', async () => {
    const { get, spoken } = library();
    const got = await get({ idle: 'Are you still there?' });
    expect(texts(got)).toEqual([...ALL, 'Are you still there?']);
    expect(got.map((clip) => clip.kind)).toEqual(['refusal', 'fallback', 'reflex', 'reflex', 'idle']);
    expect(got.map((clip) => clip.affirmative)).toEqual([false, false, false, true, false]);
    expect(spoken).toEqual(texts(got));
  });

  it('renders what is said when a person takes over right after the refusal, once where it is the same', async () => {
    const { get } = library();
    const got = await get({ handover: 'A person takes over.' });
    expect(got.slice(0, 3).map((clip) => clip.kind)).toEqual(['refusal', 'refusal', 'fallback']);
    expect(texts(got)[1]).toBe('A person takes over.');
    expect(texts(await get({ handover: texts(got)[0]! }))).toEqual(ALL);
  });

  it("makes reflexes as loud as the model's own longer clips, within bounds", async () => {
    for (const [db, loudness] of [
      [-25, -25],
      [-40, -28],
      [-8, -14],
    ] as const) {
      const say: Speak = async (text) => noise(300, text === 'Hmm.' || text === 'Okay.' ? -18 : db, text.length);
      for (const clip of await library({ dir: null }).get({}, say)) {
        expect(Math.abs(speechLevel(clip.samples) - loudness)).toBeLessThan(0.5);
      }
    }
  });

  it("takes the language's own phrases where the tenant has none", async () => {
    const { reflexPhrases: _, ...plain } = REQUEST;
    const { clips, speak } = library();
    const got: Clip[] = [];
    await clips.clipsFor({ ...plain, locale: 'de-AT' }, speak, still, (clip) => got.push(clip));
    expect(texts(got)).toContain('Gerne.');
  });

  it('renders once, and from then on gives the same clips from memory or from disk', async () => {
    const first = library();
    const rendered = await first.get();
    expect(await first.get()).toEqual(rendered);
    expect(first.spoken).toEqual(ALL);
    const restarted = library();
    expect(await restarted.get()).toEqual(rendered);
    expect(restarted.spoken).toEqual([]);
  });

  it('keeps voices, models, locales and kinds apart', async () => {
    const { get, spoken } = library();
    await get();
    for (const other of [{ voice: 'cedar' }, { model: 'gpt-realtime' }, { locale: 'en-GB' }]) {
      spoken.length = 0;
      await get(other);
      expect(spoken).toEqual(ALL);
    }
    spoken.length = 0;
    await get({ refusal: 'Hmm.' });
    expect(spoken).toEqual(['Hmm.']);
  });

  it('works without a disk', async () => {
    const { get, spoken } = library({ dir: null });
    await get();
    expect(await get()).toHaveLength(4);
    expect(spoken).toEqual(ALL);
  });

  it('works with a disk that refuses', async () => {
    await writeFile(dir, 'not a folder');
    expect(await library().get()).toHaveLength(4);
  });

  it('renders again what was torn or altered on disk', async () => {
    const rendered = await library().get();
    const files = (await readdir(dir)).sort();
    expect(files.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    const pcm = files.filter((name) => name.endsWith('.pcm')).map((name) => path.join(dir, name));
    const json = files.filter((name) => name.endsWith('.json')).map((name) => path.join(dir, name));
    expect([pcm.length, json.length]).toEqual([4, 4]);
    const altered = await readFile(pcm[0]!);
    altered[100]! ^= 1;
    await writeFile(pcm[0]!, altered);
    await truncate(pcm[1]!, 101);
    await writeFile(json[2]!, '{"format":1');
    await writeFile(json[3]!, JSON.stringify({ ...JSON.parse(await readFile(json[3]!, 'utf8')), format: 2 }));
    const again = library();
    expect(await again.get()).toEqual(rendered);
    expect(again.spoken).toHaveLength(4);
    const healed = library();
    await healed.get();
    expect(healed.spoken).toEqual([]);
  });

  it('gives the other clips when one fails, and says which', async () => {
    const { get, problems, speak } = library();
    const say: Speak = (text, signal) =>
      text === 'Hmm.' ? Promise.reject(new Error('the model is busy')) : speak(text, signal);
    expect(texts(await get({}, say))).toEqual(['I cannot say that.', 'Something went wrong.', 'Okay.']);
    expect(problems).toEqual([{ kind: 'reflex', text: 'Hmm.', reason: 'the model is busy' }]);
    expect(texts(await get())).toContain('Hmm.');
    await get({ voice: 'ash' }, () => Promise.reject('no error object'));
    expect(problems.at(-1)?.reason).toBe('the rendering failed');
  });

  it('does not pay again and again for a phrase that comes out too long', async () => {
    let now = 0;
    const { get, problems } = library({ now: () => now });
    let asked = 0;
    const slow: Speak = async () => {
      asked++;
      return noise(700, -20);
    };
    const only = { reflexPhrases: { neutral: ['Let me see.'], affirmative: [] }, refusal: '', fallback: '' };
    expect(await get(only, slow)).toEqual([]);
    expect(problems[0]?.reason).toMatch(/lasts 700 ms/);
    await get(only, slow);
    expect(asked).toBe(1);
    now += 7 * 60 * 60_000;
    await get(only, slow);
    expect(asked).toBe(2);
  });

  it("leaves out a tenant's phrase that no reflex may say, and text that no clip can hold", async () => {
    const { get, spoken, problems } = library();
    await get({
      refusal: 'word '.repeat(100),
      fallback: ' ',
      reflexPhrases: { neutral: ['Yes.', 'Hmm.', 'Hmm. '], affirmative: ['I promise.'] },
    });
    expect(spoken).toEqual(['Hmm.']);
    expect(problems.map((problem) => problem.reason)).toEqual(['longer than 400 characters', 'affirmative', 'promise']);
  });
});

describe('several sessions at once', () => {
  /** A voice that speaks when it is told to. */
  function waitingVoice() {
    const asked: { text: string; answer: () => void; signal: AbortSignal }[] = [];
    const speak: Speak = (text, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
        asked.push({ text, answer: () => resolve(noise(300, -20)), signal });
      });
    const next = async (count: number) => {
      while (asked.length < count) await new Promise((resolve) => setImmediate(resolve));
      return asked[count - 1]!;
    };
    return { asked, speak, next };
  }
  const one = { refusal: '', fallback: '', reflexPhrases: { neutral: ['Hmm.'], affirmative: [] } };

  it('have a clip rendered once', async () => {
    const { get } = library({ dir: null });
    const voice = waitingVoice();
    const sessions = [get(one, voice.speak), get(one, voice.speak), get(one, voice.speak)];
    (await voice.next(1)).answer();
    const got = await Promise.all(sessions);
    expect(voice.asked).toHaveLength(1);
    expect(got.map((clips) => texts(clips))).toEqual([['Hmm.'], ['Hmm.'], ['Hmm.']]);
  });

  it('take over from one that hangs up while it renders', async () => {
    const { get, problems } = library({ dir: null });
    const voice = waitingVoice();
    const hangUp = new AbortController();
    const first = get(one, voice.speak, hangUp.signal);
    await voice.next(1);
    const second = get(one, voice.speak);
    hangUp.abort();
    expect(await first).toEqual([]);
    (await voice.next(2)).answer();
    expect(texts(await second)).toEqual(['Hmm.']);
    expect(problems).toEqual([]);
  });

  it('stop waiting for another one when they hang up', async () => {
    const { get } = library({ dir: null });
    const voice = waitingVoice();
    const first = get(one, voice.speak);
    const rendering = await voice.next(1);
    const hangUp = new AbortController();
    const second = get(one, voice.speak, hangUp.signal);
    await new Promise((resolve) => setImmediate(resolve));
    hangUp.abort();
    expect(await second).toEqual([]);
    rendering.answer();
    expect(texts(await first)).toEqual(['Hmm.']);
  });

  it('get nothing once they hung up, not even what is cached', async () => {
    const { get, spoken } = library({ dir: null });
    await get();
    expect(await get({}, undefined, AbortSignal.abort())).toEqual([]);
    expect(spoken).toEqual(ALL);
  });
});

describe('clips on disk', () => {
  it('are pruned, oldest first, when there are too many', async () => {
    const files = clipFiles(dir);
    const clip = finishClip(noise(50, -20), { kind: 'reflex', affirmative: false });
    expect(await files.write('00', clip)).toBe(true);
    await utimes(path.join(dir, '00.json'), 1, 1);
    for (let more = 0; more < MOST_FILES; more++) await writeFile(path.join(dir, `f${more}.json`), '{}');
    await files.write('01', clip);
    const names = await readdir(dir);
    expect(names.filter((name) => name.endsWith('.json'))).toHaveLength(MOST_FILES);
    expect(names).not.toContain('00.pcm');
    expect(await files.read('00')).toBeUndefined();
    expect(await files.read('01')).toEqual(clip);
  });
});
