import { describe, expect, it } from 'vitest';
import { concat, cough, gain, mix, noise, silence, speech, userPhrases } from '../../testing/speech.ts';
import { loadBank } from '../voice/bank.ts';
import { resample } from '../voice/resample.ts';
import { createVoice } from '../voice/voice.ts';
import { createEar } from './ear.ts';

const ear = await createEar();
const bank = await loadBank();

/** A telephone's band, roughly: one pole at either end. */
function band(samples: Int16Array): Int16Array {
  let low = 0;
  let high = 0;
  let last = 0;
  return samples.map((sample) => {
    high = 0.93 * (high + sample - last);
    last = sample;
    low += 0.55 * (high - low);
    return low;
  });
}

/** A gain that rises 12 dB within the first second, as an automatic one does. */
const swell = (samples: Int16Array) =>
  samples.map((sample, at) => Math.max(-32768, Math.min(32767, sample * (0.4 + 1.2 * Math.min(1, at / 24_000)))));
const inRoom = (samples: Int16Array, db: number) => mix(samples, noise(samples.length / 24, db, 3));

const PATHS: Record<string, (samples: Int16Array) => Int16Array> = {
  'as recorded': (samples) => samples,
  'with silence around it': (samples) => concat(silence(950), samples, silence(1000)),
  'in noise 20 dB below': (samples) => inRoom(concat(silence(313), samples, silence(400)), -40),
  'very softly': (samples) => gain(inRoom(concat(silence(313), samples, silence(300)), -42), -24),
  'through a narrow filter': (samples) => inRoom(band(concat(silence(200), samples, silence(300))), -45),
  'without its first 100 ms': (samples) => inRoom(concat(samples.slice(2400), silence(300)), -45),
  'through another rate': (samples) =>
    resample(resample(concat(silence(317), samples), 24_000, 44_100), 44_100, 24_000),
  'under a gain that moves': (samples) => inRoom(swell(concat(silence(305), samples, silence(400))), -45),
};

describe('what it knows', () => {
  for (const [path, through] of Object.entries(PATHS)) {
    it(`knows every phrase ${path}`, async () => {
      for (const phrase of userPhrases) {
        expect(ear.understand(through(await speech(phrase)))).toEqual({ text: phrase, known: true });
      }
    });
  }

  it('hears two phrases in one utterance in their order', async () => {
    const both = concat(await speech('hello'), silence(350), await speech('what are your opening hours'));
    expect(ear.understand(both)).toEqual({ text: 'Hello. What are your opening hours?', known: true });
    const back = concat(await speech('what are your opening hours'), silence(350), await speech('thank you'));
    expect(ear.understand(back).text).toBe('What are your opening hours? Thank you.');
  });

  it("knows the user over the agent's softer echo", async () => {
    const voice = await createVoice({ synthesise: null });
    const echo = gain(await voice.speak('Once upon a time there was a lighthouse keeper.', { voice: 'marin' }), -22);
    const said = concat(silence(200), await speech('tell me a long story'));
    expect(ear.understand(mix(said, echo.slice(0, said.length))).text).toBe('Tell me a long story.');
  });
});

describe('what it does not know', () => {
  it("takes nothing the agent says for a phrase of the user's", () => {
    for (const recording of bank.recordings.filter(({ speaker }) => speaker === 'agent')) {
      const samples = resample(bank.samplesOf(recording), bank.rateHz, 24_000);
      expect({ said: recording.text, ...ear.understand(inRoom(samples, -45)) }).toMatchObject({ known: false });
    }
  });

  it('does not know a phrase backwards, or in pieces', async () => {
    for (const phrase of userPhrases.filter((text) => text !== 'Mm-hm.')) {
      const samples = await speech(phrase);
      expect({ phrase, ...ear.understand(samples.slice().reverse()) }).toMatchObject({ known: false });
      const half = samples.slice(0, samples.length * 0.4);
      expect({ phrase, ...ear.understand(half) }).toMatchObject({ known: false });
    }
  });

  it('calls speech with one known word in it unknown', async () => {
    const samples = concat((await speech('should I invest my savings in your fund')).reverse(), await speech('yeah'));
    expect(ear.understand(samples).known).toBe(false);
  });

  it('describes noise, a cough and silence by how long they sound', () => {
    expect(ear.understand(noise(2300, -30)).text).toBe('[speech, 2.3 s]');
    expect(ear.understand(concat(silence(500), cough(), silence(500))).text).toMatch(/^\[speech, 0\.1 s\]$/);
    expect(ear.understand(silence(700))).toEqual({ text: '[speech, 0.0 s]', known: false });
    expect(ear.understand(new Int16Array(0))).toEqual({ text: '[speech, 0.0 s]', known: false });
  });

  it('only describes what lasts too long to compare', async () => {
    const phrase = await speech('hello');
    const long = concat(...Array.from({ length: 24 }, () => phrase));
    expect(ear.understand(long).known).toBe(false);
    expect(ear.understand(noise(45_000, -30)).text).toBe('[speech, 45.0 s]');
  });
});
