/**
 * Where speech starts and stops, by energy, on audio time: the same sound gives the same
 * instants however it is cut into chunks and however fast it arrives. Knows no items.
 */
import { FRAME_MS, FRAME_SAMPLES } from '#wire';

/** Frames with energy, of the last {@link ONSET_WINDOW}, that make an onset. */
const ONSET_FRAMES = 3;
const ONSET_WINDOW = 4;

export interface DetectorRules {
  /** 0 to 1, as the client sets it: 0 hears a whisper, 1 only a loud voice. */
  threshold: number;
  /** Silence that ends a turn, in milliseconds. May change while listening. */
  silenceMs: () => number;
}

/** `atMs` counts all audio heard so far: the end of the frame that decided. */
export type Heard = { is: 'started'; atMs: number } | { is: 'stopped'; atMs: number; silentSinceMs: number };

export class Detector {
  readonly #rules: DetectorRules;
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  #filled = 0;
  #nowMs: number;
  #recent: boolean[] = [];
  #floor = 0;
  #isSpeech = false;
  #lastVoiceMs = 0;

  /** @param startMs - The audio time at which listening starts. */
  constructor(rules: DetectorRules, startMs: number) {
    this.#rules = rules;
    this.#nowMs = startMs;
  }

  /** Audio time, to the end of the last whole frame. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Milliseconds of quiet so far in a running utterance. */
  get quietMs(): number {
    return this.#isSpeech ? this.#nowMs - this.#lastVoiceMs : 0;
  }

  /** Forgets a running utterance without reporting its end: it was committed or cleared by hand. */
  reset(): void {
    this.#isSpeech = false;
    this.#recent = [];
  }

  /** Hears up to one frame's end. @returns how many samples were taken, and what they decided. */
  hear(samples: Int16Array, from: number): { taken: number; heard: Heard | null } {
    const taken = Math.min(samples.length - from, FRAME_SAMPLES - this.#filled);
    this.#frame.set(samples.subarray(from, from + taken), this.#filled);
    this.#filled += taken;
    if (this.#filled < FRAME_SAMPLES) return { taken, heard: null };
    this.#filled = 0;
    this.#nowMs += FRAME_MS;
    return { taken, heard: this.#decide(rms(this.#frame)) };
  }

  #decide(level: number): Heard | null {
    const hasVoice = level > Math.max(minimumLevel(this.#rules.threshold), this.#floor * 2.5);
    if (hasVoice) this.#lastVoiceMs = this.#nowMs;
    else this.#floor += (level - this.#floor) * (level < this.#floor ? 0.3 : 0.02);
    this.#recent = [...this.#recent.slice(1 - ONSET_WINDOW), hasVoice];
    if (!this.#isSpeech) {
      if (this.#recent.filter(Boolean).length < ONSET_FRAMES) return null;
      this.#isSpeech = true;
      return { is: 'started', atMs: this.#nowMs };
    }
    if (hasVoice || this.#nowMs - this.#lastVoiceMs < this.#rules.silenceMs()) return null;
    this.reset();
    return { is: 'stopped', atMs: this.#nowMs, silentSinceMs: this.#lastVoiceMs };
  }
}

/** Threshold 0 is -55 dB of full scale, 0.5 is -40, 1 is -25. */
function minimumLevel(threshold: number): number {
  return 32_768 * 10 ** ((-55 + 30 * threshold) / 20);
}

function rms(frame: Int16Array): number {
  let sum = 0;
  for (const sample of frame) sum += sample * sample;
  return Math.sqrt(sum / frame.length);
}
