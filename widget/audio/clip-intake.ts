/**
 * Puts clips together from the frames in which the relay sends them ahead. Bounded: what is too long
 * or too many is not kept, and asking for it later is answered as if it had ended.
 */
import { RATE_HZ } from '#wire';

const LONGEST_SAMPLES = 15 * RATE_HZ;
const MOST_CLIPS = 64;

export class ClipIntake {
  readonly #keep: (clip: string, samples: Int16Array<ArrayBuffer>) => void;
  #clip: string | null = null;
  #parts: Int16Array[] = [];
  #length = 0;
  #kept = 0;

  /** @param keep - is given each complete clip and owns its samples. */
  constructor(keep: (clip: string, samples: Int16Array<ArrayBuffer>) => void) {
    this.#keep = keep;
  }

  /** The frames that follow are this clip's. */
  announce(clip: string): void {
    this.#clip = this.#kept < MOST_CLIPS ? clip : null;
    this.#parts = [];
    this.#length = 0;
  }

  push(samples: Int16Array, isLast: boolean): void {
    if (this.#clip === null) return;
    this.#length += samples.length;
    if (this.#length > LONGEST_SAMPLES) {
      this.#clip = null;
      this.#parts = [];
      return;
    }
    this.#parts.push(samples);
    if (!isLast) return;
    const whole = new Int16Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    this.#keep(this.#clip, whole);
    this.#kept++;
    this.#clip = null;
    this.#parts = [];
  }
}
