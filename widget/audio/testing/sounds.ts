/**
 * Sounds for tests: a voice made of a buzz and formants, noises, tones. Deterministic, −1 … 1, mono.
 */

/** A small generator of numbers 0 … 1 that gives the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function tone(hz: number, ms: number, level: number, rateHz = 24_000): Float32Array {
  return Float32Array.from({ length: Math.round((ms * rateHz) / 1000) }, (_, i) => {
    return level * Math.sin((2 * Math.PI * hz * i) / rateHz);
  });
}

export function silence(ms: number, rateHz = 24_000): Float32Array {
  return new Float32Array(Math.round((ms * rateHz) / 1000));
}

/** White noise of a root mean square of `level`. */
export function noise(ms: number, level: number, seed = 1, rateHz = 24_000): Float32Array {
  const next = random(seed);
  return silence(ms, rateHz).map(() => (next() + next() + next() + next() - 2) * level * Math.sqrt(3));
}

/** One resonance of the vocal tract. */
function formant(samples: Float32Array, hz: number, widthHz: number, rateHz: number): Float32Array {
  const r = Math.exp((-Math.PI * widthHz) / rateHz);
  const a = 2 * r * Math.cos((2 * Math.PI * hz) / rateHz);
  const b = -r * r;
  let one = 0;
  let two = 0;
  return samples.map((sample) => {
    const out = (1 - a - b) * sample + a * one + b * two;
    two = one;
    one = out;
    return out;
  });
}

/** Syllables of about 180 ms of a voice at `pitchHz`, the loudest sample at `level`; `tract` above 1 is a smaller speaker. */
export function voice(ms: number, level: number, pitchHz = 130, tract = 1, rateHz = 24_000): Float32Array {
  let phase = 0;
  const buzz = silence(ms, rateHz).map((_, i) => {
    const t = i / rateHz;
    phase += (pitchHz * (1 + 0.08 * Math.sin(2 * Math.PI * 2.1 * t))) / rateHz;
    phase -= Math.floor(phase);
    return (phase < 0.4 ? Math.sin((Math.PI * phase) / 0.4) : 0) - 0.255;
  });
  const [first, second, third] = [650 * tract, 1400 * tract, 2600 * tract];
  const shaped = formant(formant(formant(buzz, first, 80, rateHz), second, 100, rateHz), third, 140, rateHz);
  const spoken = shaped.map((sample, i) => {
    const syllable = ((i / rateHz) * 1000) % 180;
    return sample * Math.min(1, syllable / 12, (180 - syllable) / 40);
  });
  const peak = spoken.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-9);
  return spoken.map((sample) => (sample * level) / peak);
}

export function join(...parts: Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function mix(one: Float32Array, two: Float32Array): Float32Array {
  return new Float32Array(Math.max(one.length, two.length)).map((_, i) => (one[i] ?? 0) + (two[i] ?? 0));
}

export function toInt16(samples: Float32Array): Int16Array<ArrayBuffer> {
  return Int16Array.from(samples, (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32_767));
}

/** The largest difference between neighbours. */
export function largestStep(samples: Float32Array): number {
  return samples.reduce((most, sample, i) => Math.max(most, i === 0 ? 0 : Math.abs(sample - (samples[i - 1] ?? 0))), 0);
}

export function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample ** 2, 0) / Math.max(1, samples.length));
}
