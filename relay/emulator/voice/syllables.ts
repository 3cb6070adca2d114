/**
 * Speech-like sound for words that nobody can say: vowels by formants, consonants by noise and
 * closure, pitch that falls over the phrase. Says nothing, but lasts as long as the words would,
 * so that timing stays true. The same text gives the same samples on every machine.
 */

const RATE_HZ = 24_000;
/** What a written letter takes in speech. */
const LETTER_MS = 60;
/** A character of a script that writes syllables or words. */
const IDEOGRAPH_MS = 190;
const SPACE_MS = 50;

/** First three formants in Hz, roughly an adult woman's. */
const VOWELS: Readonly<Record<string, readonly [number, number, number]>> = {
  a: [780, 1300, 2700],
  e: [560, 1950, 2750],
  i: [350, 2500, 3050],
  o: [530, 900, 2600],
  u: [380, 1000, 2500],
  y: [400, 2200, 2900],
};
const NASALS = 'mnŋ';
const HISSES = 'szxcfjçß';
const STOPS = 'pbtdkgq';

interface Segment {
  formants: readonly [number, number, number];
  voice: number;
  hiss: number;
  ms: number;
}

function segmentOf(letter: string, vowel: readonly [number, number, number]): Segment {
  if (/\s/.test(letter)) return { formants: vowel, voice: 0, hiss: 0, ms: SPACE_MS };
  if (letter in VOWELS) return { formants: vowel, voice: 1, hiss: 0.02, ms: LETTER_MS };
  if (NASALS.includes(letter)) return { formants: [270, 1100, 2300], voice: 0.6, hiss: 0.01, ms: LETTER_MS };
  if (HISSES.includes(letter)) return { formants: vowel, voice: 0.04, hiss: 0.32, ms: LETTER_MS };
  if (STOPS.includes(letter)) return { formants: vowel, voice: 0.06, hiss: 0.12, ms: LETTER_MS };
  if (/[a-z]/.test(letter)) return { formants: vowel, voice: 0.5, hiss: 0.05, ms: LETTER_MS };
  return { formants: vowel, voice: 0.9, hiss: 0.03, ms: IDEOGRAPH_MS };
}

/** The sounds of `text`, each consonant coloured by the vowel it leads to. */
function segmentsOf(text: string): Segment[] {
  const letters = Array.from(text.normalize('NFKD').toLowerCase()).filter((letter) => /[\p{L}\p{N}\s]/u.test(letter));
  return letters.map((letter, at) => {
    const ahead = letters.slice(at, at + 4).find((next) => next in VOWELS);
    const anyVowel = Object.values(VOWELS)[(letter.codePointAt(0) ?? 0) % 6] as readonly [number, number, number];
    return segmentOf(letter, VOWELS[ahead ?? ''] ?? anyVowel);
  });
}

/** A two-pole resonance of unity gain at rest whose centre may move. */
function resonator(widthHz: number): (input: number, atHz: number) => number {
  let one = 0;
  let two = 0;
  const c = -Math.exp((-2 * Math.PI * widthHz) / RATE_HZ);
  return (input, atHz) => {
    const b = 2 * Math.exp((-Math.PI * widthHz) / RATE_HZ) * Math.cos((2 * Math.PI * atHz) / RATE_HZ);
    const out = (1 - b - c) * input + b * one + c * two;
    two = one;
    one = out;
    return out;
  };
}

/** @returns 24 kHz PCM16, not yet levelled; empty for text without letters. */
export function syllables(text: string): Int16Array {
  const segments = segmentsOf(text.trim());
  const totalMs = segments.reduce((sum, segment) => sum + segment.ms, 0);
  const out = new Float64Array(Math.round((totalMs * RATE_HZ) / 1000));
  let seed = 0x1234567 ^ out.length;
  const noise = () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return seed / 0x80000000;
  };
  const [first, second, third] = [resonator(80), resonator(110), resonator(170)];
  // everything glides towards its target, as a mouth does
  let now: { f: [number, number, number]; voice: number; hiss: number } = { f: [500, 1500, 2600], voice: 0, hiss: 0 };
  let phase = 0;
  let lastNoise = 0;
  let lastMouth = 0;
  let at = 0;
  let elapsedMs = 0;
  for (const segment of segments) {
    elapsedMs += segment.ms;
    const end = Math.round((elapsedMs * RATE_HZ) / 1000);
    for (; at < end; at++) {
      const glide = 0.0028;
      const towards = (from: number, to: number) => from + (to - from) * glide;
      const [f1, f2, f3] = segment.formants;
      now = {
        f: [towards(now.f[0], f1), towards(now.f[1], f2), towards(now.f[2], f3)],
        voice: towards(now.voice, segment.voice),
        hiss: towards(now.hiss, segment.hiss),
      };
      const through = at / out.length;
      const pitchHz = 195 - 45 * through + 9 * Math.sin(at / 5200);
      phase = (phase + pitchHz / RATE_HZ) % 1;
      // a glottal pulse: opens slowly, closes fast, rests
      const open =
        phase < 0.4 ? 0.5 - 0.5 * Math.cos((Math.PI * phase) / 0.4) : Math.max(0, Math.cos((phase - 0.4) * 7.8));
      const white = noise();
      const bright = white - 0.8 * lastNoise;
      lastNoise = white;
      const source = (phase < 0.61 ? open - 0.33 : -0.33) * now.voice + white * now.hiss * 0.05;
      const mouth = third(second(first(source, now.f[0]), now.f[1]), now.f[2]);
      // lips radiate the change rather than the pressure, which makes speech bright
      out[at] = (mouth - 0.82 * lastMouth) * 2.4 + bright * now.hiss * 0.1;
      lastMouth = mouth;
    }
  }
  let peak = 1e-9;
  for (const value of out) peak = Math.max(peak, Math.abs(value));
  return Int16Array.from(out, (value) => Math.round((value / peak) * 14_000));
}
