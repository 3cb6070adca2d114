/**
 * Says when somebody begins to speak and when nobody speaks any more, from 10 ms frames of the
 * microphone. Loud is measured against a noise floor that adapts and against the echo to be expected
 * of what is being played; voiced speech is believed after 30 ms, other sound after 40 or 50.
 * It may be wrong: an onset costs a pause, and the relay decides what it was.
 * Knows frames and levels (dBFS); nothing about gates, frames on the wire or time.
 */
import { EchoTrace, MATCH_SAMPLES, likeness } from './echo-match.ts';
import { SILENCE_DB, toDb, type EchoReference } from './echo-reference.ts';
import { Voicing } from './voicing.ts';

/** Length of the frames it is given. */
export const ONSET_FRAME_MS = 10;

/** Above the noise floor. */
const MARGIN_DB = 7;
/** What nobody sorts into voiced or not must be louder at its loudest, and much louder to be believed a frame sooner. */
const UNVOICED_MARGIN_DB = 9;
const STRONG_MARGIN_DB = 12;
/** Above the expected echo. */
const ECHO_MARGIN_DB = 6;
/** Softer is never speech. */
const LEAST_DB = -58;
const FLOOR_LIMITS_DB = [-75, -30] as const;
/** Silence this long ends an utterance. */
const HANGOVER_FRAMES = 30;
/** The same while the agent waits, held: an "mm-hm" must be over before the relay takes it for a turn. */
const HELD_HANGOVER_FRAMES = 11;
/** Nobody speaks this long without a vowel: it is a noise that began, and is learnt as one. */
const UNVOICED_FRAMES = 100;
/** Frames after the microphone opens in which the floor is learnt and nothing is decided. */
const PRIMING_FRAMES = 10;
/** A match above this is voice. */
const VOICED = 0.6;
/** A likeness to what was played above this is no coincidence. */
const COPY = 0.85;
const COPY_STEP_DB = 4;
/** What is softer than the loudest of an utterance by this is its echo in the room, and no longer itself. */
const TAIL_DB = 25;
/** How much softer than playback its echo is at first, with an echo canceller in between. */
const COUPLING_DB = -30;
const LEAST_COUPLING_DB = -50;
/** Only playback louder than this teaches how loud its echo is. */
const LOUD_PLAYBACK_DB = -40;
/** Playback softer than this makes no echo that matters. */
const QUIET_PLAYBACK_DB = -60;

function count(bits: number): number {
  let ones = 0;
  for (let rest = bits; rest > 0; rest &= rest - 1) ones++;
  return ones;
}

export type OnsetChange = 'onset' | 'offset' | null;

export class OnsetDetector {
  readonly #voicing = new Voicing();
  readonly #trace = new EchoTrace(MATCH_SAMPLES);
  readonly #filtered: Float32Array;
  #filterIn = 0;
  #filterOut = 0;
  #floor = -60;
  #coupling = COUPLING_DB;
  #priming = PRIMING_FRAMES;
  /** One bit a frame, the newest lowest. */
  #loud = 0;
  #voiced = 0;
  #unvoiced = 0;
  #rise = 0;
  #gap = 0;
  #isSpeaking = false;
  #silent = 0;
  /** Frames since the sound rose out of the noise, and of these those up to its last loud one. */
  #length = 0;
  #loudLength = 0;
  /** The answer is held for this utterance, so its end is wanted soon. */
  isHeld = false;
  #level = SILENCE_DB;
  #run = SILENCE_DB;

  /** @param frameSamples - samples of a frame of {@link ONSET_FRAME_MS}; 24 kHz is assumed. */
  constructor(frameSamples: number) {
    this.#filtered = new Float32Array(frameSamples);
  }

  get isSpeaking(): boolean {
    return this.#isSpeaking;
  }

  /** The newest frame, and at an onset the loudest of those that led to it. */
  get levelDb(): number {
    return this.#level;
  }

  /** At an onset: how many frames ago the sound rose out of the noise. */
  get risenFrames(): number {
    return this.#rise;
  }

  /**
   * How long the utterance has been heard, in milliseconds: from where it rose out of the noise to its
   * last loud frame. The silence that ends it is not in it.
   */
  get lengthMs(): number {
    return this.#loudLength * ONSET_FRAME_MS;
  }

  /** What the echo is to be expected at, relative to playback, until it is learnt. */
  assumeCoupling(couplingDb: number): void {
    this.#coupling = couplingDb;
  }

  /** The microphone was switched on or off: whatever was heard is over and the noise is another. */
  reset(): void {
    this.#voicing.reset();
    this.#filterIn = this.#filterOut = 0;
    this.#priming = PRIMING_FRAMES;
    this.#loud = this.#voiced = this.#rise = this.#gap = 0;
    this.#isSpeaking = false;
  }

  /**
   * Takes the next frame.
   *
   * @param played - what the ear was given in the time an echo takes; null while nothing can be played.
   */
  frame(samples: Float32Array, played: EchoReference | null): OnsetChange {
    const db = this.#measure(samples);
    const playbackDb = played?.loudestDb ?? SILENCE_DB;
    this.#level = db;
    if (this.#priming > 0) {
      this.#prime(db);
      return null;
    }
    const hasPlayback = playbackDb > QUIET_PLAYBACK_DB;
    const echo = hasPlayback ? playbackDb + this.#coupling + ECHO_MARGIN_DB : SILENCE_DB;
    const threshold = Math.max(this.#floor + MARGIN_DB, LEAST_DB, echo);
    const isLoud = db > threshold;
    const isVoiced = isLoud && this.#voicing.strength() > VOICED;
    this.#loud = ((this.#loud << 1) | Number(isLoud)) & 0xff;
    this.#voiced = ((this.#voiced << 1) | Number(isVoiced)) & 0xff;
    this.#unvoiced = isVoiced ? 0 : this.#unvoiced + 1;
    this.#follow(db, isLoud);
    const change = this.#isSpeaking ? this.#listen(db > threshold - 4) : this.#judge();
    if (change === 'onset' && hasPlayback && played !== null && this.#isCopy(db, playbackDb, played)) return null;
    if (change === 'onset') this.#begin(db);
    this.#learn(db, playbackDb, hasPlayback);
    return change;
  }

  /** Level without hum and rumble, which are not speech and not constant. */
  #measure(samples: Float32Array): number {
    const filtered = this.#filtered;
    let energy = 0;
    for (let i = 0; i < filtered.length; i++) {
      const sample = samples[i] as number;
      this.#filterOut = 0.97 * (this.#filterOut + sample - this.#filterIn);
      this.#filterIn = sample;
      this.#trace.push(sample);
      filtered[i] = this.#filterOut;
      energy += this.#filterOut ** 2;
    }
    this.#voicing.push(filtered);
    return toDb(energy, filtered.length);
  }

  #prime(db: number): void {
    // A device that is still starting gives zeros, which say nothing about the room.
    this.#floor = this.#priming === PRIMING_FRAMES ? db : Math.min(this.#floor + 3, Math.max(this.#floor, db), db + 3);
    this.#priming--;
    this.#limitFloor();
  }

  #limitFloor(): void {
    this.#floor = Math.min(FLOOR_LIMITS_DB[1], Math.max(FLOOR_LIMITS_DB[0], this.#floor));
  }

  /** How long the sound has been above the noise, one soft frame in between allowed. */
  #follow(db: number, isLoud: boolean): void {
    if (isLoud || db > this.#floor + 6) {
      this.#rise += 1 + this.#gap;
      this.#gap = 0;
      this.#run = Math.max(this.#run, db);
    } else if (this.#rise > 0 && this.#gap === 0) {
      this.#gap = 1;
    } else {
      this.#rise = this.#gap = 0;
      this.#run = SILENCE_DB;
    }
  }

  #judge(): OnsetChange {
    const isVoice = count(this.#loud & 0xf) >= 3 && count(this.#voiced & 0xf) >= 2;
    const isLong = (this.#loud & 0x1f) === 0x1f && this.#run > this.#floor + UNVOICED_MARGIN_DB;
    const isStrong = (this.#loud & 0xf) === 0xf && this.#run > this.#floor + STRONG_MARGIN_DB;
    return isVoice || isLong || isStrong ? 'onset' : null;
  }

  /** What is being played, heard through the room, is nobody's speech; now it is known how loud it is. */
  #isCopy(db: number, playbackDb: number, played: EchoReference): boolean {
    if (likeness(this.#trace.newest, played.trace.newest) < COPY) return false;
    // In steps: one coincidence must not make the detector deaf.
    this.#coupling = Math.min(0, this.#coupling + COPY_STEP_DB, Math.max(this.#coupling, db - playbackDb));
    return true;
  }

  #begin(db: number): void {
    this.#isSpeaking = true;
    this.isHeld = false;
    this.#silent = 0;
    this.#length = this.#loudLength = this.#rise;
    this.#level = Math.max(db, this.#run);
  }

  #listen(isActive: boolean): OnsetChange {
    this.#silent = isActive ? 0 : this.#silent + 1;
    this.#length++;
    this.#run = Math.max(this.#run, this.#level);
    if (isActive && this.#level > this.#run - TAIL_DB) this.#loudLength = this.#length;
    if (this.#silent < (this.isHeld ? HELD_HANGOVER_FRAMES : HANGOVER_FRAMES)) return null;
    this.#isSpeaking = false;
    this.#loud = this.#voiced = this.#rise = 0;
    this.#run = SILENCE_DB;
    return 'offset';
  }

  #learn(db: number, playbackDb: number, hasPlayback: boolean): void {
    const difference = db - this.#floor;
    if (difference < 0) this.#floor += 0.2 * difference;
    else if (this.#isSpeaking) this.#floor += (this.#unvoiced > UNVOICED_FRAMES ? 0.02 : 0.002) * difference;
    else if (!hasPlayback) this.#floor += (this.#loud === 0 ? 0.03 : 0.008) * difference;
    this.#limitFloor();
    if (playbackDb < LOUD_PLAYBACK_DB || this.#isSpeaking) return;
    const coupling = db - playbackDb;
    if (coupling < this.#coupling) this.#coupling = Math.max(LEAST_COUPLING_DB, this.#coupling - 0.03);
    // What is hardly above the noise is noise, and tells nothing about the echo.
    else if (this.#loud === 0 && db > this.#floor + 6) this.#coupling += 0.3 * (coupling - this.#coupling);
  }
}
