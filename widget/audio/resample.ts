/**
 * Changes the sample rate of a stream of blocks: device rate to 24 kHz for the microphone, and back
 * for the ear. A polyphase windowed sinc (Kaiser), which linear interpolation is not: content that
 * the lower rate cannot carry is at least 60 dB down instead of folded back as noise.
 * State goes on from block to block and nothing is allocated after construction.
 * Knows rates and samples; nothing about devices, frames or threads.
 */

/** Zero crossings of the sinc on each side, counted at the lower of the two rates. */
const CROSSINGS = 26;
/** Of the lower rate's half: passed up to 10 kHz of 12, gone at 12. */
const CUTOFF = 11 / 12;
/** Kaiser window's shape for 70 dB. */
const BETA = 6.76;
/** Ratios that reduce to more phases than this take the nearest one: error below −70 dB. */
const MAX_PHASES = 4096;
/** Longest block that may be written at once, in samples. */
const MAX_BLOCK = 4096;

/** Modified Bessel function of order zero, by its series. */
function bessel(x: number): number {
  let sum = 1;
  for (let term = 1, k = 1; term > 1e-10 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

export class Resampler {
  /** How late the output is, in input samples. */
  readonly delay: number;
  readonly #taps: number;
  readonly #phases: number;
  readonly #kernel: Float32Array;
  readonly #buffer: Float32Array;
  /** Input samples per output sample, as the whole fraction up / down. */
  readonly #up: number;
  readonly #down: number;
  #fill: number;
  #at = 0;
  #phase = 0;

  /**
   * @param inputHz - whole number, 8 000 … 192 000; `outputHz` likewise.
   * @throws {RangeError} for any other rate.
   */
  constructor(inputHz: number, outputHz: number) {
    for (const rate of [inputHz, outputHz]) {
      if (!Number.isInteger(rate) || rate < 8000 || rate > 192_000)
        throw new RangeError(`no such sample rate: ${rate}`);
    }
    const common = divisor(inputHz, outputHz);
    this.#down = inputHz / common;
    this.#up = outputHz / common;
    // The same rate on both sides passes samples through untouched.
    const half = inputHz === outputHz ? 0 : Math.ceil(CROSSINGS * Math.max(1, inputHz / outputHz));
    this.delay = half;
    this.#taps = Math.max(1, 2 * half);
    this.#phases = Math.min(this.#up, MAX_PHASES);
    this.#kernel = new Float32Array(this.#phases * this.#taps).fill(1);
    if (half > 0) this.#design(half, CUTOFF * Math.min(1, outputHz / inputHz));
    this.#buffer = new Float32Array(2 * this.#taps + 2 * MAX_BLOCK);
    // The kernel looks `half` samples ahead; what it looks back at starts as silence.
    this.#fill = Math.max(0, half - 1);
  }

  #design(half: number, cutoff: number): void {
    const taps = this.#taps;
    const whole = bessel(BETA);
    for (let phase = 0; phase < this.#phases; phase++) {
      let sum = 0;
      for (let i = 0; i < taps; i++) {
        const t = half - 1 + phase / this.#phases - i;
        const edge = 1 - (t / half) ** 2;
        const sinc = t === 0 ? 1 : Math.sin(Math.PI * cutoff * t) / (Math.PI * cutoff * t);
        const tap = edge <= 0 ? 0 : (sinc * bessel(BETA * Math.sqrt(edge))) / whole;
        this.#kernel[phase * taps + i] = tap;
        sum += tap;
      }
      // Every phase passes a constant unchanged, or a quiet tone at the phases' rate would be heard.
      for (let i = 0; i < taps; i++) this.#kernel[phase * taps + i] = (this.#kernel[phase * taps + i] as number) / sum;
    }
  }

  /** How many input samples must be written before `count` can be read. */
  needed(count: number): number {
    if (count === 0) return 0;
    const first = this.#at + Math.floor((this.#phase + (count - 1) * this.#down) / this.#up);
    return Math.max(0, first + this.#taps - this.#fill);
  }

  /**
   * Takes the first `count` samples of `block`. Read what is ready after each write.
   *
   * @throws {RangeError} when more than 4096 unread samples would pile up.
   */
  write(block: Float32Array, count: number = block.length): void {
    const buffer = this.#buffer;
    if (this.#fill + count > buffer.length) {
      buffer.copyWithin(0, this.#at, this.#fill);
      this.#fill -= this.#at;
      this.#at = 0;
    }
    if (this.#fill + count > buffer.length) throw new RangeError('the resampler is not read');
    for (let i = 0; i < count; i++) buffer[this.#fill + i] = block[i] as number;
    this.#fill += count;
  }

  /** Puts up to `count` samples into `out` from `offset` on. @returns how many. */
  read(out: Float32Array, offset = 0, count: number = out.length - offset): number {
    const up = this.#up;
    const down = this.#down;
    const buffer = this.#buffer;
    const kernel = this.#kernel;
    const taps = this.#taps;
    let made = 0;
    while (made < count && this.#at + taps <= this.#fill) {
      const row = (this.#phases === up ? this.#phase : Math.floor((this.#phase * this.#phases) / up)) * taps;
      let sum = 0;
      for (let i = 0; i < taps; i++) sum += (buffer[this.#at + i] as number) * (kernel[row + i] as number);
      out[offset + made++] = sum;
      this.#phase += down;
      const steps = Math.floor(this.#phase / up);
      this.#at += steps;
      this.#phase -= steps * up;
    }
    return made;
  }
}
