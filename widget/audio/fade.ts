/**
 * A raised-cosine gain between silence and full, which may turn round at any sample without a step.
 * Knows gain and nothing of what it is applied to.
 */
export class Fade {
  #at = 0;
  #step = 0;

  /** Rises to full within `samples` from where it is. */
  open(samples: number): void {
    this.#step = 1 / Math.max(1, samples);
  }

  /** Falls to silence within `samples` from where it is. */
  shut(samples: number): void {
    this.#step = -Math.max(this.#at, 1e-9) / Math.max(1, samples);
  }

  /** Silence from the next sample on. */
  reset(): void {
    this.#at = 0;
    this.#step = 0;
  }

  /** The next sample's gain, 0 … 1. */
  next(): number {
    if (this.#step !== 0) {
      this.#at += this.#step;
      if (this.#at >= 1) {
        this.#at = 1;
        this.#step = 0;
      } else if (this.#at < 1e-6) {
        this.#at = 0;
      }
    }
    return this.#at === 1 ? 1 : 0.5 - 0.5 * Math.cos(Math.PI * this.#at);
  }
}
