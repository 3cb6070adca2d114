/**
 * Whether the last 20 ms are voiced: they repeat at the pitch of a human voice. Noise, however loud,
 * does not. A normalised autocorrelation at a third of the rate; knows nothing of levels and decisions.
 */

/** Every third sample of 24 kHz: 8 kHz carries every pitch. */
const DECIMATION = 3;
/** 20 ms at 8 kHz. */
const WINDOW = 160;
/** 400 Hz and 62 Hz at 8 kHz. */
const LEAST_LAG = 20;
const MOST_LAG = 129;

export class Voicing {
  readonly #past = new Float32Array(WINDOW + MOST_LAG);

  /** Takes one frame; its length is a multiple of three. */
  push(frame: Float32Array): void {
    const past = this.#past;
    const count = frame.length / DECIMATION;
    past.copyWithin(0, count);
    let at = past.length - count;
    for (let i = 0; i < frame.length; i += DECIMATION) {
      past[at++] = ((frame[i] as number) + (frame[i + 1] as number) + (frame[i + 2] as number)) / DECIMATION;
    }
  }

  /** @returns 0 … 1, the best match with itself one pitch period earlier. */
  strength(): number {
    const past = this.#past;
    const start = past.length - WINDOW;
    let own = 1e-12;
    for (let i = start; i < past.length; i++) own += (past[i] as number) ** 2;
    let best = 0;
    let hasDipped = false;
    for (let lag = 8; lag <= MOST_LAG; lag++) {
      let product = 0;
      let earlier = 1e-12;
      for (let i = start; i < past.length; i++) {
        product += (past[i] as number) * (past[i - lag] as number);
        earlier += (past[i - lag] as number) ** 2;
      }
      const match = product / Math.sqrt(own * earlier);
      // Slow noise resembles itself at every short lag; a voice differs in between and comes back.
      if (match < 0.3) hasDipped = true;
      if (hasDipped && lag >= LEAST_LAG && match > best) best = match;
    }
    return best;
  }

  reset(): void {
    this.#past.fill(0);
  }
}
