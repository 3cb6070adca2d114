/** Sounds and stand-ins for tests: a voice whose length follows its text, an ear that is told what it hears. */
import { msToSamples } from '#wire';
import type { Ear, Voice } from '../speech.ts';

/** What {@link toneVoice} takes for a letter, in milliseconds. */
export const LETTER_MS = 60;

/** A loud tone. */
export function tone(ms: number, amplitude = 8000): Int16Array {
  return Int16Array.from({ length: msToSamples(ms) }, (_, i) => Math.round(Math.sin(i * 0.06) * amplitude));
}

export function silence(ms: number): Int16Array {
  return new Int16Array(msToSamples(ms));
}

/** Samples as an append carries them. */
export function base64(samples: Int16Array): string {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString('base64');
}

/** Speaks tones, {@link LETTER_MS} a letter. */
export const toneVoice: Voice = { speak: async (text) => tone(text.length * LETTER_MS) };

/** Hears the given sentences in turn, then only that somebody spoke. */
export function toldEar(...sentences: string[]): Ear {
  return {
    understand: (samples) => {
      const text = sentences.shift();
      return text === undefined
        ? { text: `[speech, ${(samples.length / 24_000).toFixed(1)} s]`, known: false }
        : { text, known: true };
    },
  };
}
