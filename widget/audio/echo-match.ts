/**
 * Tells the loudspeaker's sound from somebody's: whether what the microphone has just heard is a copy,
 * late and softer, of what was played. Both sides keep a trace of the band in which voices differ most,
 * at 4 kHz; one comparison looks for the trace of the microphone in half a second of playback.
 * Knows nothing of levels and decisions.
 */

/** 24 kHz to 4 kHz. */
const DECIMATION = 6;
/** Of the microphone, compared at once: 45 ms at 4 kHz. */
export const MATCH_SAMPLES = 180;
/** Of playback, half a second and the window. */
export const PLAYED_SAMPLES = 2000 + MATCH_SAMPLES;

/** The last samples of one side, between 300 Hz and 1.5 kHz, where the fundamental no longer makes all voices alike. */
export class EchoTrace {
  readonly samples: Float32Array;
  #at = 0;
  #phase = 0;
  #low = 0;
  #lower = 0;
  #slow = 0;

  constructor(length: number) {
    this.samples = new Float32Array(2 * length);
  }

  /** The newest `length` samples, oldest first; valid until the next `push`. */
  get newest(): Float32Array {
    return this.samples.subarray(this.#at, this.#at + this.samples.length / 2);
  }

  push(sample: number): void {
    this.#low += 0.27 * (sample - this.#low);
    this.#lower += 0.27 * (this.#low - this.#lower);
    this.#slow += 0.076 * (this.#lower - this.#slow);
    if (++this.#phase < DECIMATION) return;
    this.#phase = 0;
    // Written twice, so that the newest are always in one piece.
    const half = this.samples.length / 2;
    this.samples[this.#at] = this.samples[this.#at + half] = this.#lower - this.#slow;
    this.#at = (this.#at + 1) % half;
  }
}

/** @returns 0 … 1, how well `heard` is found anywhere in `played`. */
export function likeness(heard: Float32Array, played: Float32Array): number {
  const length = heard.length;
  let own = 1e-15;
  for (const sample of heard) own += sample * sample;
  let energy = 1e-9;
  for (let i = 0; i < length; i++) energy += (played[i] as number) ** 2;
  let best = 0;
  for (let lag = 0; lag + length <= played.length; lag++) {
    let product = 0;
    for (let i = 0; i < length; i++) product += (heard[i] as number) * (played[lag + i] as number);
    best = Math.max(best, (product * product) / energy);
    energy += (played[lag + length] ?? 0) ** 2 - (played[lag] as number) ** 2;
    if (energy < 1e-9) energy = 1e-9;
  }
  return Math.sqrt(best / own);
}
