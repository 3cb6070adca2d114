/**
 * What the ear has been given lately, for the onset detector's echo margin. The echo comes back after
 * the device's and the room's delay, which nobody tells, so the loudest of the last half second counts.
 * Levels are dBFS; −120 is silence.
 */
import { EchoTrace, PLAYED_SAMPLES } from './echo-match.ts';

export const SILENCE_DB = -120;

/** Longest way from the gate through loudspeaker and room to the microphone. */
const MEMORY_MS = 500;
const FRAME_MS = 10;

/** Level of `energy` summed over `count` samples, in dBFS. */
export function toDb(energy: number, count: number): number {
  return energy === 0 ? SILENCE_DB : Math.max(SILENCE_DB, 10 * Math.log10(energy / count));
}

export class EchoReference {
  /** What was played, to be compared with what the microphone hears. */
  readonly trace = new EchoTrace(PLAYED_SAMPLES);
  readonly #frame: number;
  readonly #levels = new Float32Array(MEMORY_MS / FRAME_MS).fill(SILENCE_DB);
  #at = 0;
  #energy = 0;
  #count = 0;
  #loudest = SILENCE_DB;

  constructor(rateHz: number) {
    this.#frame = (rateHz * FRAME_MS) / 1000;
  }

  /** The loudest 10 ms of the last half second. */
  get loudestDb(): number {
    return this.#loudest;
  }

  /** Takes the first `count` samples that are about to be played. */
  push(samples: Float32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const sample = samples[i] as number;
      this.trace.push(sample);
      this.#energy += sample ** 2;
      if (++this.#count === this.#frame) this.#end();
    }
  }

  #end(): void {
    this.#levels[this.#at] = toDb(this.#energy, this.#frame);
    this.#at = (this.#at + 1) % this.#levels.length;
    this.#energy = 0;
    this.#count = 0;
    let loudest = SILENCE_DB;
    // By index: an iterator and boxed numbers would be made for every frame.
    for (let i = 0; i < this.#levels.length; i++) {
      const level = this.#levels[i] as number;
      if (level > loudest) loudest = level;
    }
    this.#loudest = loudest;
  }
}
