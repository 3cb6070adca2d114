/**
 * Wordless listening sounds, "mm", "hmm" and "mhm", made from harmonics under the formants of a closed
 * mouth, so that a reflex exists in every language before any clip was rendered. The same
 * arguments give the same samples on every machine. Knows nothing of lanes.
 */
import { RATE_HZ, msToSamples } from '#wire';

export interface Hum {
  sound: 'mm' | 'hmm' | 'mhm';
  /** Pitch of the speaker's middle voice: about 105 for a low one, 200 for a high one. */
  pitchHz: number;
  /** How long it lasts; 250 to 600 sounds natural. */
  ms: number;
}

/** Murmur of a closed mouth: centre, bandwidth (Hz) and gain. The dip between 400 and 800 Hz is the mouth's side branch. */
const FORMANTS = [
  { atHz: 260, widthHz: 90, gain: 1 },
  { atHz: 1050, widthHz: 170, gain: 0.09 },
  { atHz: 2150, widthHz: 260, gain: 0.035 },
  { atHz: 3000, widthHz: 350, gain: 0.012 },
] as const;
const HIGHEST_HZ = 3600;
/** How often the harmonics' gains follow the pitch: every 2 ms. */
const GAIN_SAMPLES = 48;

interface Moment {
  /** Share of the sound's length, 0 to 1. */
  at: number;
  pitch: number;
  voice: number;
  breath: number;
}

/** How pitch, voicing and breath move: "mm" falls gently; "hmm" starts in breath and thinks on; "mhm" steps up through a breathy h and settles. */
const CONTOURS: Record<Hum['sound'], readonly Moment[]> = {
  mm: [
    { at: 0, pitch: 1.02, voice: 0, breath: 0.2 },
    { at: 0.14, pitch: 1.05, voice: 0.85, breath: 0.3 },
    { at: 0.4, pitch: 1.06, voice: 1, breath: 0.3 },
    { at: 0.75, pitch: 0.96, voice: 0.7, breath: 0.3 },
    { at: 1, pitch: 0.9, voice: 0, breath: 0 },
  ],
  hmm: [
    { at: 0, pitch: 0.98, voice: 0, breath: 0.6 },
    { at: 0.12, pitch: 0.98, voice: 0.1, breath: 2 },
    { at: 0.26, pitch: 0.97, voice: 0.9, breath: 0.5 },
    { at: 0.6, pitch: 0.95, voice: 1, breath: 0.3 },
    { at: 0.85, pitch: 0.97, voice: 0.6, breath: 0.3 },
    { at: 1, pitch: 0.98, voice: 0, breath: 0 },
  ],
  mhm: [
    { at: 0, pitch: 0.92, voice: 0, breath: 0.2 },
    { at: 0.1, pitch: 0.93, voice: 0.85, breath: 0.3 },
    { at: 0.27, pitch: 0.9, voice: 0.75, breath: 0.4 },
    { at: 0.36, pitch: 0.98, voice: 0.12, breath: 2.2 },
    { at: 0.43, pitch: 1.08, voice: 0.15, breath: 2.4 },
    { at: 0.52, pitch: 1.14, voice: 0.95, breath: 0.5 },
    { at: 0.68, pitch: 1.17, voice: 1, breath: 0.3 },
    { at: 0.86, pitch: 1.08, voice: 0.6, breath: 0.3 },
    { at: 1, pitch: 1.02, voice: 0, breath: 0 },
  ],
};

function momentAt(contour: readonly Moment[], at: number): Moment {
  const next = contour.findIndex((moment) => moment.at > at);
  const after = contour[next < 0 ? contour.length - 1 : next] as Moment;
  const before = contour[next < 0 ? contour.length - 1 : Math.max(0, next - 1)] as Moment;
  const span = after.at - before.at;
  const linear = span > 0 ? (at - before.at) / span : 0;
  const eased = linear * linear * (3 - 2 * linear);
  const mix = (key: 'pitch' | 'voice' | 'breath') => before[key] + (after[key] - before[key]) * eased;
  return { at, pitch: mix('pitch'), voice: mix('voice'), breath: mix('breath') };
}

/** How much of a harmonic at `hz` leaves the nose: formants on a source that falls 6 dB an octave. */
function murmurGain(hz: number): number {
  let gain = 0;
  for (const { atHz, widthHz, gain: peak } of FORMANTS) gain += peak / (1 + ((hz - atHz) / widthHz) ** 2);
  return gain * (200 / Math.max(100, hz)) ** 0.5;
}

/**
 * @returns PCM16 at the wire's rate, exactly `ms` long, peak at half scale; level it as speech before it is played.
 */
export function hum({ sound, pitchHz, ms }: Hum): Int16Array {
  const length = msToSamples(ms);
  const contour = CONTOURS[sound];
  const mono = new Float64Array(length);
  // xorshift with a fixed seed: breath that is the same on every machine
  let seed = 0x2545f491 ^ Math.round(pitchHz * 64) ^ length;
  const noise = () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return seed / 0x80000000;
  };
  let gains = new Float64Array(0);
  let phase = 0;
  let tremor = 0;
  let airLow = 0;
  let airBand = 0;
  let peak = 1e-9;
  for (let index = 0; index < length; index++) {
    const { pitch, voice, breath } = momentAt(contour, index / length);
    if (index % 240 === 0) tremor = 0.6 * tremor + 0.006 * noise();
    const hz = pitchHz * pitch * (1 + tremor);
    if (index % GAIN_SAMPLES === 0) {
      gains = Float64Array.from({ length: Math.floor(HIGHEST_HZ / hz) }, (_, at) => murmurGain((at + 1) * hz));
    }
    phase = (phase + hz / RATE_HZ) % 1;
    // sin(nx) = 2 cos(x) sin((n-1)x) - sin((n-2)x): every harmonic for the price of one
    const twice = 2 * Math.cos(2 * Math.PI * phase);
    let before = 0;
    let harmonic = Math.sin(2 * Math.PI * phase);
    let value = 0;
    for (const gain of gains) {
      value += gain * harmonic;
      [before, harmonic] = [harmonic, twice * harmonic - before];
    }
    // breath through the nose: noise around 1 kHz, a state-variable filter
    airLow += 0.26 * airBand;
    airBand += 0.26 * (noise() - airLow - 0.9 * airBand);
    const edge = Math.min(1, index / 480, (length - index) / 480);
    const sample = value * voice + airBand * breath * 0.035 * edge;
    mono[index] = sample;
    peak = Math.max(peak, Math.abs(sample));
  }
  return Int16Array.from(mono, (value) => Math.round((value / peak) * 16384));
}
