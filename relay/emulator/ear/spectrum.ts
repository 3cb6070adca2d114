/**
 * What the ear looks at: how the energy of each moment is spread over bands, without how much of it
 * there is. Level, slow gain control and quiet noise hardly change it. Knows no phrases.
 */

const RATE_HZ = 24_000;
const WINDOW = 1024;
/** From one moment to the next: 12 ms. */
export const HOP_SAMPLES = 288;
export const BANDS = 20;
const LOWEST_HZ = 180;
const HIGHEST_HZ = 4200;
/** Bands this far under the loudest ones are taken as equally silent: noise and its suppression live there. */
const RANGE = 10 ** -2.4;
/** A moment counts fully this close (in nepers of energy) to the loudest, and not at all at twice that. */
const FULL_NEPERS = 2;

/** The loudest few moments are left out when it is decided what is loud: a click must not push speech under the floor. */
const CLICK_MOMENTS = 6;
/** Sound whose loud moments have less energy than this, about -70 dBFS, is silence. */
const QUIETEST = 1e6;

export interface Spectrum {
  /** Moments of {@link HOP_SAMPLES}. */
  length: number;
  /** Log energies without the moment's mean, {@link BANDS} a moment. */
  bands: Float32Array;
  /** How much each moment is speech, 0 to 1. */
  weights: Float32Array;
}

const HANN = Float64Array.from({ length: WINDOW }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / WINDOW));
const COS = Float64Array.from({ length: WINDOW / 2 }, (_, at) => Math.cos((2 * Math.PI * at) / WINDOW));
const SIN = Float64Array.from({ length: WINDOW / 2 }, (_, at) => -Math.sin((2 * Math.PI * at) / WINDOW));
const EDGES = Int32Array.from({ length: BANDS + 1 }, (_, band) =>
  Math.round((LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** (band / BANDS) * WINDOW) / RATE_HZ),
);
const REVERSED = Int32Array.from({ length: WINDOW }, (_, at) => {
  let reversed = 0;
  for (let bit = 1; bit < WINDOW; bit <<= 1) reversed = (reversed << 1) | (at & bit ? 1 : 0);
  return reversed;
});

/** In-place radix-2 transform of `WINDOW` points whose input is already in bit-reversed order. */
function transform(re: Float64Array, im: Float64Array): void {
  for (let size = 2; size <= WINDOW; size <<= 1) {
    const half = size >> 1;
    const stride = WINDOW / size;
    for (let start = 0; start < WINDOW; start += size) {
      for (let k = 0; k < half; k++) {
        const c = COS[k * stride] as number;
        const s = SIN[k * stride] as number;
        const low = start + k;
        const high = low + half;
        const r = (re[high] as number) * c - (im[high] as number) * s;
        const i = (re[high] as number) * s + (im[high] as number) * c;
        re[high] = (re[low] as number) - r;
        im[high] = (im[low] as number) - i;
        re[low] = (re[low] as number) + r;
        im[low] = (im[low] as number) + i;
      }
    }
  }
}

/** Energy of each band of the window that starts at `from`. */
function bandEnergies(samples: Int16Array, from: number, out: Float64Array, re: Float64Array, im: Float64Array): void {
  im.fill(0);
  for (let at = 0; at < WINDOW; at++) re[REVERSED[at] as number] = (samples[from + at] ?? 0) * (HANN[at] as number);
  transform(re, im);
  for (let band = 0; band < BANDS; band++) {
    let energy = 0;
    const first = EDGES[band] as number;
    const end = Math.max(first + 1, EDGES[band + 1] as number);
    for (let bin = first; bin < end; bin++) energy += (re[bin] as number) ** 2 + (im[bin] as number) ** 2;
    out[band] = energy / (end - first);
  }
}

const loudOf = (values: ArrayLike<number>) =>
  Array.from(values).sort((a, b) => b - a)[Math.min(CLICK_MOMENTS, values.length - 1)] ?? 0;

/** @param samples - 24 kHz PCM16. Windows may hang over both ends, so that short sounds are seen whole. */
export function spectrumOf(samples: Int16Array): Spectrum {
  const length = Math.max(0, Math.ceil(samples.length / HOP_SAMPLES));
  const energies = new Float64Array(length * BANDS);
  const totals = new Float64Array(length);
  const re = new Float64Array(WINDOW);
  const im = new Float64Array(WINDOW);
  const loudBands: number[] = [];
  for (let moment = 0; moment < length; moment++) {
    const own = energies.subarray(moment * BANDS, (moment + 1) * BANDS);
    bandEnergies(samples, moment * HOP_SAMPLES - (WINDOW - HOP_SAMPLES) / 2, own, re, im);
    let loudest = 0;
    let total = 0;
    for (const energy of own) {
      loudest = Math.max(loudest, energy);
      total += energy;
    }
    loudBands.push(loudest);
    totals[moment] = total;
  }
  const floor = loudOf(loudBands) * RANGE + 1;
  const loudTotal = loudOf(totals);
  const bands = new Float32Array(length * BANDS);
  const weights = new Float32Array(length);
  for (let moment = 0; moment < length; moment++) {
    let mean = 0;
    for (let at = moment * BANDS; at < (moment + 1) * BANDS; at++) {
      bands[at] = Math.log((energies[at] ?? 0) + floor);
      mean += (bands[at] ?? 0) / BANDS;
    }
    for (let at = moment * BANDS; at < (moment + 1) * BANDS; at++) bands[at] = (bands[at] ?? 0) - mean;
    const under = Math.log((loudTotal + 1) / ((totals[moment] ?? 0) + 1));
    weights[moment] = loudTotal < QUIETEST ? 0 : Math.max(0, Math.min(1, 2 - under / FULL_NEPERS));
  }
  return { length, bands, weights };
}
