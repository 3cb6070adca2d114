/**
 * The user's sound on its way up: what waits while the provider cannot take it, what would have
 * to be said again if the connection broke now, and where on the provider's clock it all lies.
 * The newest is kept, so that what somebody is saying is whole unless it is longer than that.
 * Decides what to send; sends by the function it is given.
 */
import { SAMPLE_BYTES, msToSamples, samplesToMs } from '#wire';
import type { Clock } from '../../clock.ts';
import { Slab } from '../../slab.ts';
import { toBase64 } from './pcm.ts';

/** Sound kept while the provider cannot take it, of an utterance under way, and of turns nobody wrote down yet; in milliseconds. */
export const KEEP_MS = 30_000;
/** While the provider is there and its network is full, from so much waiting sound on (320 kB) no more is asked for. */
export const FULL_MS = 6_667;
/** Sound kept from before an utterance is noticed. */
export const PREROLL_MS = 1_000;
/** The provider refuses to commit less. */
export const SHORTEST_COMMIT_MS = 100;
/** While the network does not take what is sent: how often to look again. */
const RETRY_MS = 50;
/** What was dropped is told in steps of this. */
const TELL_EVERY = msToSamples(1_000);
/** A sample beyond this (about -40 dBFS) may be somebody's voice; a quiet room stays below. */
const VOICE = 328;

const KEEP = msToSamples(KEEP_MS);
const PREROLL = msToSamples(PREROLL_MS);
const FULL = msToSamples(FULL_MS);

export interface MicrophoneOptions {
  turn: 'auto' | 'hold';
  clock: Clock;
  /** Sends one message. */
  send(text: string): void;
  /** Whether sound should wait. */
  isBackedUp(): boolean;
  /** That many milliseconds of sound had to be dropped. */
  dropped(ms: number): void;
  /** The next connection will not hear the oldest so many milliseconds of what the user said. */
  lost?(ms: number): void;
}

type Piece = { is: 'sound'; samples: Int16Array } | { is: 'commit' };

const lengthOf = (piece: Piece): number => (piece.is === 'sound' ? piece.samples.length : 0);
const lengthOfAll = (pieces: Piece[]): number => pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
const hasVoice = (samples: Int16Array): boolean => samples.some((one) => one > VOICE || one < -VOICE);
/** Turns whose words are waited for at once. */
const MOST_UNWRITTEN = 64;
/** Copies of sound lie together, so much of it in one piece. */
const PIECE_BYTES = msToSamples(1_000) * SAMPLE_BYTES;
/** Gaps whose position on the provider's clock is still known. */
const OFFSETS_KEPT = 32;

export class Microphone {
  readonly #options: MicrophoneOptions;
  readonly #slab = new Slab(PIECE_BYTES);
  #isOpen = false;
  #stopRetry: (() => void) | null = null;
  #waiting: Piece[] = [];
  #waitingSamples = 0;
  /** Sent, and not yet known to be part of a committed turn: what a new connection must hear again. */
  #unsettled: Piece[] = [];
  #unsettledSamples = 0;
  /** Of the same utterance, too old to be kept. */
  #outOfReach = 0;
  /** Committed turns whose words nobody knows yet, oldest first. */
  readonly #unwritten = new Map<string, Piece[]>();
  #unwrittenSamples = 0;
  #isSpeaking = false;
  #sinceCommit = 0;
  /** All samples that {@link append} was given. */
  #appended = 0;
  /** Provider position → how far ours is ahead from there on, in samples; ascending. */
  #offsets: { from: number; ahead: number }[] = [{ from: 0, ahead: 0 }];
  #sent = 0;
  #untold = 0;
  #lost = 0;

  constructor(options: MicrophoneOptions) {
    this.#options = options;
  }

  /** Somebody is in the middle of saying something, or what they said has not left yet. */
  get isBusy(): boolean {
    const isHeld = this.#options.turn === 'hold' && this.#unsettledSamples > 0;
    return this.#isSpeaking || isHeld || this.#waiting.length > 0;
  }

  /** What waits, and what is kept to be said again. */
  get heldBytes(): number {
    return (this.#waitingSamples + this.#unsettledSamples + this.#unwrittenSamples) * SAMPLE_BYTES;
  }

  get isFull(): boolean {
    return this.#waitingSamples >= FULL;
  }

  append(samples: Int16Array): void {
    if (samples.length === 0) return;
    this.#appended += samples.length;
    this.#sinceCommit += samples.length;
    if (this.#mayFlow()) {
      this.#send(samples);
      return;
    }
    this.#retryLater();
    // What waits outlives the message that it came in, whose buffer may be used again.
    this.#wait({ is: 'sound', samples: this.#slab.copyOf(samples) });
    this.#dropOldest();
  }

  /** @returns false when there is too little sound for a turn, or the provider decides about turns. */
  commit(): boolean {
    if (this.#options.turn === 'auto' || this.#sinceCommit < msToSamples(SHORTEST_COMMIT_MS)) return false;
    this.#sinceCommit = 0;
    this.#wait({ is: 'commit' });
    // The turn is over: it does not wait for the network to have room for more.
    if (this.#isOpen) this.#flush(false);
    return true;
  }

  clear(): void {
    this.#sinceCommit = 0;
    this.#forget();
    // A turn that was let go of before the provider was there stays a turn.
    const lastCommit = this.#waiting.map(({ is }) => is).lastIndexOf('commit');
    this.#waiting = this.#waiting.slice(0, lastCommit + 1);
    this.#waitingSamples = lengthOfAll(this.#waiting);
    this.#lost = 0;
    if (this.#isOpen) this.#options.send('{"type":"input_audio_buffer.clear"}');
  }

  /** The provider takes sound from its position 0 on. */
  open(): void {
    this.#isOpen = true;
    this.#sent = 0;
    this.#offsets = [{ from: 0, ahead: this.#appended - this.#waitingSamples }];
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) this.#options.lost?.(samplesToMs(lost));
    if (!this.#mayFlow()) this.#retryLater();
  }

  /** The provider is gone. What was not committed is said again to the next one, before what waits. */
  shut(): void {
    this.#isOpen = false;
    this.#stopRetry?.();
    this.#stopRetry = null;
    this.#waiting = [...this.#unsettled, ...this.#waiting];
    this.#waitingSamples += this.#unsettledSamples;
    this.#lost += this.#outOfReach;
    this.#forget();
    this.#dropOldest();
  }

  speechStarted(): void {
    this.#isSpeaking = true;
  }

  /**
   * The provider has made a turn of what was sent up to the oldest commit, or of all where it decides.
   *
   * @param item - What it calls the turn; its sound is kept until {@link written}.
   */
  committed(item: string): void {
    // A second word on the same turn is not about what was said since.
    if (this.#unwritten.has(item)) return;
    const isAuto = this.#options.turn === 'auto';
    const end = isAuto ? this.#unsettled.length : this.#unsettled.findIndex(({ is }) => is === 'commit') + 1;
    const turn = this.#unsettled.splice(0, end).filter(({ is }) => is === 'sound');
    this.#unsettledSamples = lengthOfAll(this.#unsettled);
    this.#outOfReach = 0;
    this.#isSpeaking = false;
    this.#unwritten.set(item, turn);
    this.#unwrittenSamples += lengthOfAll(turn);
    for (const oldest of [...this.#unwritten.keys()]) {
      if (this.#unwrittenSamples <= KEEP && this.#unwritten.size <= MOST_UNWRITTEN) break;
      this.written(oldest);
    }
  }

  /** The words of the item are known, or it is of no more interest. */
  written(item: string): void {
    this.#unwrittenSamples -= lengthOfAll(this.#unwritten.get(item) ?? []);
    this.#unwritten.delete(item);
  }

  /** The sound of a turn that nobody has written down. */
  soundOf(item: string): Int16Array | undefined {
    const pieces = this.#unwritten.get(item);
    if (pieces === undefined || pieces.length === 0) return undefined;
    const all = new Int16Array(lengthOfAll(pieces));
    let at = 0;
    for (const piece of pieces) {
      if (piece.is !== 'sound') continue;
      all.set(piece.samples, at);
      at += piece.samples.length;
    }
    return all;
  }

  /** A position on the provider's clock, in milliseconds of what {@link append} was given. */
  position(providerMs: number): number {
    const at = msToSamples(providerMs);
    const offset = this.#offsets.findLast(({ from }) => from <= at);
    return samplesToMs(at + (offset?.ahead ?? 0));
  }

  #mayFlow(): boolean {
    if (!this.#isOpen || this.#options.isBackedUp()) return false;
    this.#flush();
    return this.#waiting.length === 0;
  }

  #wait(piece: Piece): void {
    this.#waiting.push(piece);
    this.#waitingSamples += lengthOf(piece);
  }

  /** Keeps the newest; a commit whose turn is gone goes with it. */
  #dropOldest(): void {
    while (this.#waitingSamples > KEEP) {
      const [oldest] = this.#waiting;
      if (oldest === undefined) return;
      const length = Math.min(lengthOf(oldest), this.#waitingSamples - KEEP);
      if (oldest.is === 'sound') this.#drop(oldest.samples.subarray(0, length));
      if (oldest.is === 'sound' && length < oldest.samples.length) oldest.samples = oldest.samples.subarray(length);
      else this.#waiting.shift();
      this.#waitingSamples -= length;
    }
    while (this.#waiting[0]?.is === 'commit') this.#waiting.shift();
  }

  #drop(samples: Int16Array): void {
    if (this.#isOpen) this.#skip(samples.length);
    // An open microphone is mostly silence: nobody is asked to repeat that.
    else if (this.#options.turn === 'hold' || hasVoice(samples)) this.#lost += samples.length;
    this.#untold += samples.length;
    if (this.#untold < TELL_EVERY) return;
    this.#options.dropped(samplesToMs(this.#untold));
    this.#untold = 0;
  }

  /** What waits goes on by itself: the sound that would push it may never come. */
  #retryLater(): void {
    if (!this.#isOpen || this.#stopRetry !== null || this.#waiting.length === 0) return;
    const { clock } = this.#options;
    this.#stopRetry = clock.wakeAt(clock.now() + RETRY_MS, () => {
      this.#stopRetry = null;
      if (!this.#mayFlow()) this.#retryLater();
    });
  }

  /** @param isPatient - stops while the network is full, and goes on later. */
  #flush(isPatient = true): void {
    this.#stopRetry?.();
    this.#stopRetry = null;
    let done = 0;
    for (const piece of this.#waiting) {
      if (isPatient && this.#options.isBackedUp()) break;
      done += 1;
      this.#waitingSamples -= lengthOf(piece);
      if (piece.is === 'sound') this.#send(piece.samples);
      else this.#sendCommit();
    }
    this.#waiting.splice(0, done);
  }

  #skip(samples: number): void {
    const last = this.#offsets.at(-1);
    const ahead = (last?.ahead ?? 0) + samples;
    if (last?.from === this.#sent) last.ahead = ahead;
    else this.#offsets.push({ from: this.#sent, ahead });
    if (this.#offsets.length > OFFSETS_KEPT) this.#offsets.shift();
  }

  #send(samples: Int16Array): void {
    // Base64 needs no escaping, so the message is put together by hand: nothing scans it again.
    this.#options.send(`{"type":"input_audio_buffer.append","audio":"${toBase64(samples)}"}`);
    this.#sent += samples.length;
    this.#unsettled.push({ is: 'sound', samples: this.#slab.copyOf(samples) });
    this.#unsettledSamples += samples.length;
    const isUtterance = this.#options.turn === 'hold' || this.#isSpeaking;
    const most = isUtterance ? KEEP : PREROLL;
    while (this.#unsettledSamples > most) {
      const oldest = this.#unsettled.shift();
      const length = oldest === undefined ? 0 : lengthOf(oldest);
      this.#unsettledSamples -= length;
      if (isUtterance) this.#outOfReach += length;
    }
  }

  #sendCommit(): void {
    this.#options.send('{"type":"input_audio_buffer.commit"}');
    this.#unsettled.push({ is: 'commit' });
  }

  #forget(): void {
    this.#unsettled = [];
    this.#unsettledSamples = 0;
    this.#outOfReach = 0;
    this.#isSpeaking = false;
  }
}
