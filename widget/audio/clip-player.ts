/** Plays one clip from memory. Knows its samples and nothing of gates or fades. */
export class ClipPlayer {
  clip = '';
  epoch = 0;
  #samples: Int16Array = new Int16Array(0);
  #read = 0;
  readonly #perMs: number;

  constructor(rateHz: number) {
    this.#perMs = rateHz / 1000;
  }

  get left(): number {
    return this.#samples.length - this.#read;
  }

  load(clip: string, epoch: number, samples: Int16Array): void {
    this.clip = clip;
    this.epoch = epoch;
    this.#samples = samples;
    this.#read = 0;
  }

  next(): number {
    return (this.#samples[this.#read++] as number) / 32_768;
  }

  rewind(ms: number): void {
    this.#read = Math.max(0, this.#read - Math.round(ms * this.#perMs));
  }
}
