/**
 * Cuts the microphone's 24 kHz stream into frames: 20 ms while somebody speaks, 100 ms while nobody
 * does, because the relay's cost is per message. While nobody speaks the newest 100 ms are held back,
 * so that the start of speech, which the detector only knows afterwards, travels as speech and at once.
 * The short frames go on for a while after the end of speech: the provider counts silence to find the
 * end of the turn, and every batch would make the answer later.
 * Frames leave in buffers of a pool and come back to it. Knows nothing about ports or detectors.
 */

/** Buffers that wait at first: 320 ms of speech while the main thread is busy. */
const POOL_BUFFERS = 16;
/** More than this many come back only when the main thread was blocked for long; they are let go. */
const POOL_LIMIT = 64;

/** Full scale of PCM16. */
const FULL_SCALE = 32_768;

/** −1 … 1 to PCM16, rounded; what is beyond full scale is clipped, never wrapped. */
export function toPcm16(sample: number): number {
  return Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, Math.round(sample * FULL_SCALE)));
}

export interface AssemblyOptions {
  /** Samples of a frame while somebody speaks. */
  frameSamples: number;
  /** Samples of a batch while nobody does. */
  batchSamples: number;
  /** For how long after the end of speech frames stay short, in samples. */
  tailSamples: number;
  /** The first `length` samples of the buffer are the frame. The receiver gives the buffer back by `recycle`. */
  send(buffer: Int16Array<ArrayBuffer>, length: number, speaking: boolean): void;
}

export class FrameAssembly {
  readonly #options: AssemblyOptions;
  readonly #pool: Int16Array<ArrayBuffer>[] = [];
  #filling: Int16Array<ArrayBuffer>;
  #length = 0;
  #held: Int16Array<ArrayBuffer> | null = null;
  #isSpeaking = false;
  #tail = 0;

  constructor(options: AssemblyOptions) {
    this.#options = options;
    for (let i = 0; i < POOL_BUFFERS; i++) this.#pool.push(new Int16Array(options.batchSamples));
    this.#filling = this.#take();
  }

  /** Gives a buffer that was sent back for use. */
  recycle(buffer: Int16Array<ArrayBuffer>): void {
    if (buffer.length === this.#options.batchSamples && this.#pool.length < POOL_LIMIT) this.#pool.push(buffer);
  }

  push(sample: number): void {
    this.#filling[this.#length++] = toPcm16(sample);
    const isShort = this.#isSpeaking || this.#tail > 0;
    if (this.#length < (isShort ? this.#options.frameSamples : this.#options.batchSamples)) return;
    if (isShort) {
      if (!this.#isSpeaking) this.#tail -= this.#length;
      this.#sendFilling();
    } else {
      this.#sendHeld();
      this.#held = this.#filling;
      this.#filling = this.#take();
      this.#length = 0;
    }
  }

  /** Speech begins or ends with the next sample; what is pending at its beginning belongs to it. */
  setSpeaking(isSpeaking: boolean): void {
    if (isSpeaking === this.#isSpeaking) return;
    this.#isSpeaking = isSpeaking;
    if (isSpeaking) this.flush();
    else this.#tail = this.#options.tailSamples;
  }

  /** Sends what is pending: the microphone stops, or speech begins. */
  flush(): void {
    this.#sendHeld();
    if (this.#length > 0) this.#sendFilling();
  }

  #sendHeld(): void {
    if (this.#held === null) return;
    this.#options.send(this.#held, this.#held.length, this.#isSpeaking);
    this.#held = null;
  }

  #sendFilling(): void {
    this.#options.send(this.#filling, this.#length, this.#isSpeaking);
    this.#filling = this.#take();
    this.#length = 0;
  }

  #take(): Int16Array<ArrayBuffer> {
    return this.#pool.pop() ?? new Int16Array(this.#options.batchSamples);
  }
}
