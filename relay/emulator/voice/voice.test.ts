import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { rms, wav } from '../../testing/speech.ts';
import { decodeAdpcm, encodeAdpcm } from './adpcm.ts';
import { loadBank, openBank } from './bank.ts';
import { VOICE_DBFS, activeLevel, finishRecording } from './level.ts';
import { resample } from './resample.ts';
import { syllables } from './syllables.ts';
import { findSynthesiser } from './synthesiser.ts';
import { LONGEST_TEXT, createVoice, voiceOf } from './voice.ts';
import { readWav } from './wav.ts';
import { clausesOf, numberInWords, sentencesOf, spokenKey, spokenWords } from './words.ts';

const bank = await loadBank();
const voice = await createVoice({ synthesise: null });
const marin = { voice: 'marin' };
const sine = (hz: number, rateHz: number, seconds: number, level = 8000) =>
  Int16Array.from({ length: rateHz * seconds }, (_, at) =>
    Math.round(level * Math.sin((2 * Math.PI * hz * at) / rateHz)),
  );
const msOf = (samples: Int16Array) => samples.length / 24;
const leadMs = (samples: Int16Array) =>
  msOf(
    samples.subarray(
      0,
      samples.findIndex((value) => Math.abs(value) > 330),
    ),
  );

const scratch = await mkdtemp(path.join(tmpdir(), 'voice-test-'));
afterAll(() => rm(scratch, { recursive: true }));

/** A folder with a `name` on it that is this shell script. */
async function programFolder(name: string, script: string): Promise<string> {
  const folder = await mkdtemp(path.join(scratch, 'bin-'));
  await writeFile(path.join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(path.join(folder, name), 0o755);
  return folder;
}

describe('the voice', () => {
  it('speaks every sentence of the shipped rules from the bank (else run scripts/render-voice.mjs)', () => {
    const unspoken = ['name', 'match', 'after', 'told', 'tool', 'compute', 'fail', 'moderation'];
    const strings = (node: unknown, key = ''): string[] => {
      if (unspoken.includes(key)) return [];
      if (typeof node === 'string') return node.split(/\{[^}]*\}/);
      if (Array.isArray(node)) return node.flatMap((child: unknown) => strings(child));
      if (node === null || typeof node !== 'object') return [];
      return Object.entries(node).flatMap(([name, child]) => strings(child, name));
    };
    const rules: unknown = JSON.parse(readFileSync(new URL('../rules.json', import.meta.url), 'utf8'));
    const sentences = strings(rules).flatMap((text) => sentencesOf(text));
    expect(sentences.length).toBeGreaterThan(30);
    expect(sentences.filter((sentence) => !bank.find('agent', sentence))).toEqual([]);
  });

  it('starts at once, at one loudness, and ends without a click', async () => {
    for (const text of ['Hello! How can I help you today?', 'Two plus three is five.', 'Qzx mblarg, vfoop!']) {
      const samples = await voice.speak(text, marin);
      expect(leadMs(samples)).toBeLessThan(60);
      expect(Math.abs(activeLevel(samples, 24_000) - VOICE_DBFS)).toBeLessThan(1.5);
      expect(Math.abs(samples[0]!)).toBeLessThan(100);
      expect(Math.abs(samples.at(-1)!)).toBeLessThan(100);
    }
  });

  it('puts numbers together, however they are written', async () => {
    const words = await voice.speak('Two plus three is five.', marin);
    const digits = await voice.speak('2 + 3 = 5', marin);
    expect(digits).toEqual(words);
    expect(msOf(words)).toBeGreaterThan(1200);
    expect(msOf(await voice.speak('It is 21 degrees.', marin))).toBeGreaterThan(900);
  });

  it('reads out what the demo says about the weather, without a speech program', async () => {
    const report =
      'Here is the weather report: place Paris, sky sunny with light clouds, celsius 18, windMetresPerSecond 4, rain false.';
    const words = spokenWords(report.replace(/.*: /, ''));
    const pieces = [
      'place',
      'paris',
      'sky',
      'sunny with light clouds',
      'celsius',
      'eighteen',
      'wind metres per second',
    ];
    expect([...pieces, 'four', 'rain', 'false'].join(' ')).toBe(words.join(' '));
    for (const piece of pieces)
      expect({ piece, known: bank.find('agent', piece) !== undefined }).toEqual({ piece, known: true });
    expect(msOf(await voice.speak(report, marin))).toBeGreaterThan(6000);
  });

  it('pauses between sentences, and less between clauses', async () => {
    const one = await voice.speak('Hello.', marin);
    const two = await voice.speak('Hello. Hello.', marin);
    expect(msOf(two) - 2 * msOf(one)).toBeCloseTo(190, 0);
    const list = await voice.speak('one, two', marin);
    const alone = msOf(await voice.speak('one', marin)) + msOf(await voice.speak('two', marin));
    expect(msOf(list) - alone).toBeCloseTo(110, 0);
  });

  it('shapes unknown words to about 60 ms a letter, the same every time', async () => {
    const word = 'blorgenfaschim';
    const samples = await voice.speak(word, marin);
    expect(Math.abs(msOf(samples) - 60 * word.length)).toBeLessThan(150);
    expect(samples).toEqual(await (await createVoice({ synthesise: null })).speak(word, marin));
  });

  it('says known words around unknown ones', async () => {
    const samples = await voice.speak('You said: blorgen. I have no better answer to that yet.', marin);
    const parts = [
      await voice.speak('You said', marin),
      await voice.speak('blorgen', marin),
      await voice.speak('I have no better answer to that yet.', marin),
    ];
    const sum = parts.reduce((total, part) => total + msOf(part), 0);
    expect(msOf(samples)).toBeCloseTo(sum + 110 + 190, 0);
    expect(msOf(await voice.speak('blorgen one frooble', marin))).toBeGreaterThan(msOf(parts[1]!) + 400);
  });

  it('gives other voices another pitch, and an unknown one its own', async () => {
    const plain = await voice.speak('One moment.', marin);
    const deep = await voice.speak('One moment.', { voice: 'Cedar' });
    expect(deep.length / plain.length).toBeCloseTo(1 / 0.86, 2);
    expect(await voice.speak('One moment.', { voice: 'constructor' })).toEqual(plain);
  });

  it('keeps what may be a reflex under 600 ms, in its deepest voice too', async () => {
    for (const phrase of ['Hmm.', 'Let me see.', 'One moment.', 'Okay.', 'Right.', 'Sure.']) {
      expect(msOf(await voice.speak(phrase, { voice: 'cedar' }))).toBeLessThanOrEqual(600);
    }
  });

  it('says nothing for text without words, and not more than its limit', async () => {
    for (const text of ['', '   ', '… !?', '🙂', '---']) expect(await voice.speak(text, marin)).toHaveLength(0);
    const all = await voice.speak('ab '.repeat(LONGEST_TEXT), marin);
    expect(msOf(all)).toBeLessThan(LONGEST_TEXT * 80);
  });

  it('lets the speech program say what the bank cannot, and only that', async () => {
    const asked: string[] = [];
    const spoken = finishRecording(sine(300, 24_000, 0.5), 24_000);
    const helped = voiceOf(bank, async (text) => {
      asked.push(text);
      return text.includes('mute') ? undefined : spoken;
    });
    expect(await helped.speak('Hello! Buy a xylophone.', marin)).toHaveLength(
      (await voice.speak('Hello!', marin)).length + spoken.length + 190 * 24,
    );
    await helped.speak('Buy a xylophone.', marin);
    expect(asked).toEqual(['Buy a xylophone.']);
    expect(await helped.speak('Xylophone mute.', marin)).toEqual(await voice.speak('Xylophone mute.', marin));
  });

  it('finds its program by itself', async () => {
    expect((await (await createVoice()).speak('Marmalade trousers.', marin)).length).toBeGreaterThan(10_000);
  });
});

describe('the speech program', () => {
  const source = path.join(scratch, 'tone.wav');
  const copyTo = (argument: number) => `eval "file=\\$${argument}"; cp ${source} "$file"`;

  it('is the first one on the path, called with the text as one argument, and made like the bank', async () => {
    await writeFile(source, wav(sine(440, 16_000, 1), 16_000));
    const folder = await programFolder('flite', `printf %s "$4" > "$0.said"; ${copyTo(6)}`);
    const say = await findSynthesiser(['relative', '/nowhere', folder].join(path.delimiter));
    const samples = await say!('it\u0007s "$(touch x)"; true');
    expect(readFileSync(path.join(folder, 'flite.said'), 'utf8')).toBe('it s "$(touch x)"; true');
    expect(msOf(samples!)).toBeCloseTo(1000, -1.5);
    expect(activeLevel(samples!, 24_000)).toBeCloseTo(VOICE_DBFS, 0);
  });

  it('may be espeak-ng, and text that looks like an option is still text', async () => {
    await writeFile(source, wav(sine(440, 22_050, 1), 22_050));
    const folder = await programFolder('espeak-ng', `[ "$5" = "--" ] && [ "$6" = "--help" ] && ${copyTo(4)}`);
    expect(msOf((await (await findSynthesiser(folder))!('--help'))!)).toBeCloseTo(1000, -1.5);
  });

  it('is done without where there is none', async () => {
    expect(await findSynthesiser('/nowhere')).toBeNull();
    expect(await findSynthesiser(undefined)).toBeNull();
  });

  it('is done without where it fails, is silent or writes too much', async () => {
    const silent = path.join(scratch, 'silent.wav');
    await writeFile(silent, wav(new Int16Array(16_000), 16_000));
    for (const script of ['exit 1', 'true', `cp ${silent} "$6"`, 'head -c 9000000 /dev/zero > "$6"']) {
      const say = await findSynthesiser(await programFolder('flite', script));
      expect(await say!('words')).toBeUndefined();
    }
  });

  it('runs two at a time; the others wait, and too many are turned away', async () => {
    await writeFile(source, wav(sine(440, 16_000, 0.2), 16_000));
    const count = `mkdir "$0.$$"; ls -d "$0".* | wc -l >> "${path.join(scratch, 'most')}"; sleep 0.02; rmdir "$0.$$"`;
    const say = await findSynthesiser(await programFolder('flite', `${count}; ${copyTo(6)}`));
    const all = await Promise.all(Array.from({ length: 70 }, () => say!('hello')));
    expect(all.filter((samples) => samples === undefined)).toHaveLength(70 - 66);
    const running = readFileSync(path.join(scratch, 'most'), 'utf8').trim().split(/\s+/).map(Number);
    expect(Math.max(...running)).toBeLessThanOrEqual(2);
  });
});

describe('words', () => {
  it.each([
    ['0', 'zero'],
    ['-3.5', 'minus three point five'],
    ['21', 'twenty one'],
    ['105', 'one hundred five'],
    ['12,345', 'twelve thousand three hundred forty five'],
    ['2000000', 'two zero zero zero zero zero zero'],
    ['', 'zero'],
  ])('reads %s as "%s"', (digits, words) => {
    expect(numberInWords(digits)).toBe(words);
  });

  it('is the same for texts that sound the same', () => {
    expect(spokenKey('It’s  5%!')).toBe(spokenKey("it's five percent"));
    expect(spokenKey('7 - 2 × 3')).toBe('seven minus two times three');
    expect(spokenKey('21°')).toBe('twenty one degrees');
    expect(spokenKey('windMetresPerSecond 4')).toBe('wind metres per second four');
    expect(spokenWords('MP3 a1')).toEqual(['mp3', 'a1']);
  });

  it('cuts text into sentences, and never in mid-number', () => {
    expect(sentencesOf('It is 3.5 today. “Really?” Yes!\nFine…')).toEqual([
      'It is 3.5 today.',
      '“Really?”',
      'Yes!',
      'Fine…',
    ]);
    expect(sentencesOf('你好。再见。')).toEqual(['你好。', '再见。']);
    expect(clausesOf('One, two; three: 1,000 – four')).toEqual(['One', ' two', ' three', ' 1,000 ', ' four']);
  });

  it('loses no letter, however long a sentence is', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,40}$/), { minLength: 1, maxLength: 60 }), (words) => {
        const pieces = sentencesOf(words.join(' '), 50);
        expect(pieces.join('').replaceAll(' ', '')).toBe(words.join(''));
        expect(pieces.every((piece) => piece.length <= 50)).toBe(true);
      }),
    );
  });
});

describe('sound', () => {
  it('comes back from four bits a sample nearly as it was', () => {
    const samples = sine(440, 16_000, 0.5);
    const decoded = decodeAdpcm(encodeAdpcm(samples), samples.length);
    const error = samples.map((value, at) => value - decoded[at]!);
    expect(20 * Math.log10(rms(samples) / rms(error.slice(200)))).toBeGreaterThan(25);
  });

  it('decodes any bytes without a failure', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(500), (bytes, length) => {
        expect(decodeAdpcm(bytes, length)).toHaveLength(length);
      }),
    );
  });

  it.each([
    [16_000, 24_000, 3000],
    [44_100, 24_000, 5000],
    [24_000, 44_100, 9000],
    [20_640, 24_000, 1000],
  ])('is resampled from %i to %i Hz with its level and without images', (fromHz, toHz, hz) => {
    const samples = sine(hz, fromHz, 0.5);
    const there = resample(samples, fromHz, toHz);
    expect(there.length).toBe(Math.round((samples.length * toHz) / fromHz));
    const middle = there.slice(1000, -1000);
    const ideal = sine(hz, toHz, 0.5).slice(1000, 1000 + middle.length);
    const error = middle.map((value, at) => value - ideal[at]!);
    expect(20 * Math.log10(rms(ideal) / rms(error))).toBeGreaterThan(60);
  });

  it('loses what the lower rate cannot carry', () => {
    expect(rms(resample(sine(15_000, 44_100, 0.3), 44_100, 24_000).slice(200, -200))).toBeLessThan(0.0005);
    expect(resample(sine(100, 24_000, 0.01), 24_000, 24_000)).toEqual(sine(100, 24_000, 0.01));
  });

  it('is finished silent where it is silent', () => {
    expect(finishRecording(new Int16Array(5000), 24_000)).toHaveLength(0);
    expect(finishRecording(new Int16Array(0), 24_000)).toHaveLength(0);
    expect(activeLevel(new Int16Array(100), 24_000)).toBe(-Infinity);
  });

  it('shapes syllables for every script, none for no letters', () => {
    expect(syllables('  ?! ')).toHaveLength(0);
    expect(msOf(syllables('你好'))).toBeCloseTo(380, 0);
    expect(rms(syllables('mississippi'))).toBeGreaterThan(0.02);
  });

  it('is read from WAV files as programs write them', () => {
    const samples = sine(440, 16_000, 0.1);
    const file = wav(samples, 16_000);
    expect(readWav(file)).toEqual({ rateHz: 16_000, samples });
    const streamed = file.slice();
    new DataView(streamed.buffer).setUint32(40, 0x7ffff000, true);
    expect(readWav(streamed).samples).toEqual(samples);
    const stereo = file.slice();
    stereo[22] = 2;
    for (const wrong of [stereo, file.slice(0, 36), file.slice(0, 8), new Uint8Array(100)]) {
      expect(() => readWav(wrong)).toThrow(RangeError);
    }
  });

  it('is refused where the index and the bytes of a bank differ', () => {
    const index = { rateHz: 16_000, agent: [['Hi.', 4]], user: [] } as Parameters<typeof openBank>[0];
    expect(() => openBank(index, new Uint8Array(5))).toThrow(RangeError);
    const small = openBank(index, new Uint8Array(2));
    expect(small.samplesOf(small.find('agent', 'hi')!)).toHaveLength(4);
    expect(() => small.samplesOf(bank.recordings[0]!)).toThrow(RangeError);
    expect(small.longestWords('user')).toBe(0);
  });
});
