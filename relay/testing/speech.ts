/**
 * What tests say and into what noise: the recorded user of the phrase bank, and sound that is
 * made, always the same. PCM16 mono at 24 kHz. Needs no speech program.
 */
import { loadBank } from '../emulator/voice/bank.ts';
import { resample } from '../emulator/voice/resample.ts';

const RATE_HZ = 24_000;
const bank = await loadBank();
const spoken = new Map<string, Int16Array>();

/** Everything the recorded user can say, as the emulator's ear writes it down. */
export const userPhrases: string[] = bank.recordings
  .filter((recording) => recording.speaker === 'user')
  .map((recording) => recording.text);

/**
 * The recording of `phrase`, without silence around it; case and punctuation do not matter.
 *
 * @throws when the user never recorded that.
 */
export function speech(phrase: string): Promise<Int16Array> {
  const recording = bank.find('user', phrase);
  if (!recording) return Promise.reject(new Error(`nobody recorded "${phrase}"; there is: ${userPhrases.join(' ')}`));
  const samples = spoken.get(recording.text) ?? resample(bank.samplesOf(recording), bank.rateHz, RATE_HZ);
  spoken.set(recording.text, samples);
  return Promise.resolve(samples.slice());
}

export function silence(ms: number): Int16Array {
  return new Int16Array(Math.round((ms * RATE_HZ) / 1000));
}

/** Evenly distributed values, -1 to 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 0x80000000;
  };
}

/** Brings `values` to `db` dBFS RMS. */
function levelled(values: Float64Array, db: number): Int16Array {
  let power = 0;
  for (const value of values) power += value ** 2 / values.length;
  const gain = (32768 * 10 ** (db / 20)) / Math.sqrt(power || 1);
  return Int16Array.from(values, (value) => Math.max(-32768, Math.min(32767, Math.round(value * gain))));
}

/**
 * Room noise: more low than high, steady.
 *
 * @param db - Level in dBFS RMS; -60 is a quiet room, -40 a loud office.
 */
export function noise(ms: number, db: number, seed = 1): Int16Array {
  const random = randomOf(seed);
  let low = 0;
  const values = Float64Array.from(silence(ms), () => {
    const white = random();
    low += 0.08 * (white - low);
    return low + 0.12 * white;
  });
  return levelled(values, db);
}

/** A cough-like burst of 90 ms: a hard start, breath around 1.2 kHz, a fast decay. */
export function cough(seed = 7): Int16Array {
  const random = randomOf(seed);
  const length = silence(90).length;
  let low = 0;
  let band = 0;
  const values = Float64Array.from({ length }, (_, at) => {
    low += 0.3 * band;
    band += 0.3 * (random() - low - 0.5 * band);
    const attack = Math.min(1, at / 72);
    const end = Math.min(1, (length - at) / 240);
    return (band + 0.15 * random()) * attack * end * Math.exp((-3.2 * at) / length);
  });
  return levelled(values, -19);
}

/** One after the other. */
export function concat(...parts: readonly Int16Array[]): Int16Array {
  const joined = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** At the same time, as long as the longest; louder than full scale is clipped. */
export function mix(...parts: readonly Int16Array[]): Int16Array {
  const longest = Math.max(0, ...parts.map((part) => part.length));
  return Int16Array.from({ length: longest }, (_, at) => {
    const sum = parts.reduce((total, part) => total + (part[at] ?? 0), 0);
    return Math.max(-32768, Math.min(32767, sum));
  });
}

/** Louder or softer by `db`. */
export function gain(samples: Int16Array, db: number): Int16Array {
  return samples.map((sample) => Math.max(-32768, Math.min(32767, Math.round(sample * 10 ** (db / 20)))));
}

/** Root mean square, full scale 1. */
export function rms(samples: Int16Array): number {
  let power = 0;
  for (const sample of samples) power += (sample / 32768) ** 2;
  return Math.sqrt(power / Math.max(1, samples.length));
}

/** A mono PCM16 WAV file, as Chromium's fake microphone takes it. The samples are not resampled. */
export function wav(samples: Int16Array, rateHz = RATE_HZ): Uint8Array {
  const bytes = new Uint8Array(44 + samples.length * 2);
  const view = new DataView(bytes.buffer);
  const tag = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  tag(0, 'RIFF');
  view.setUint32(4, 36 + samples.length * 2, true);
  tag(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  tag(36, 'data');
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, at) => view.setInt16(44 + at * 2, sample, true));
  return bytes;
}
