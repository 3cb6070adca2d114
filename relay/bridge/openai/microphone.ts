/**
 * The user's sound on its way up: what waits while the provider cannot take it, what would have
 * to be said again if the connection broke now, and where on the provider's clock it all lies.
 * Oldest sound is kept first, so that the start of what somebody says is never lost. Decides
 * what to send; sends by the function it is given.
 */
import { msToSamples, samplesToMs } from '#wire';
import type { Clock } from '../../clock.ts';
import { toBase64 } from './pcm.ts';

/** Sound kept while the provider cannot take it, and of an utterance under way, in milliseconds. */
export const KEEP_MS = 6_000;
/** Sound kept from before an utterance is noticed. */
export const PREROLL_MS = 1_000;
/** The provider refuses to commit less. */
export const SHORTEST_COMMIT_MS = 100;
/** While the network does not take what is sent: how often to look again. */
const RETRY_MS = 50;

const KEEP = msToSamples(KEEP_MS);
const PREROLL = msToSamples(PREROLL_MS);

export interface MicrophoneOptions {
  turn: 'auto' | 'hold';
  clock: Clock;
  /** Sends one message. */
  send(text: string): void;
  /** Whether sound should wait. */
  isBackedUp(): boolean;
  /** That many milliseconds of sound had to be dropped. */
  dropped(ms: number): void;
}

type Piece =
  | { is: 'sound'; samples: Int16Array }
  | { is: 'commit' }
  /** Samples that were dropped here. */
  | { is: 'gap'; length: number };

const lengthOf = (piece: Piece): number => (piece.is === 'sound' ? piece.samples.length : 0);
const lengthOfAll = (pieces: Piece[]): number => pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
const spanOfAll = (pieces: Piece[]): number =>
  pieces.reduce((sum, piece) => sum + (piece.is === 'gap' ? piece.length : lengthOf(piece)), 0);
/** Adds a piece; neighbouring gaps are one. */
function push(pieces: Piece[], piece: Piece): void {
  const last = pieces.at(-1);
  if (piece.is === 'gap' && last?.is === 'gap') last.length += piece.length;
  else pieces.push(piece);
}
/** Gaps whose position on the provider's clock is still known. */
const OFFSETS_KEPT = 32;

export class Microphone {
  readonly #options: MicrophoneOptions;
  #isOpen = false;
  #stopRetry: (() => void) | null = null;
  #waiting: Piece[] = [];
  #waitingSamples = 0;
  /** Sent, and not yet known to be part of a committed turn: what a new connection must hear again. */
  #unsettled: Piece[] = [];
  #unsettledSamples = 0;
  #isSpeaking = false;
  #sinceCommit = 0;
  /** All samples that {@link append} was given. */
  #appended = 0;
  /** Provider position → how far ours is ahead from there on, in samples; ascending. */
  #offsets: { from: number; ahead: number }[] = [{ from: 0, ahead: 0 }];
  #sent = 0;

  constructor(options: MicrophoneOptions) {
    this.#options = options;
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
    const room = Math.max(0, KEEP - this.#waitingSamples);
    // What waits outlives the message that it came in, whose buffer may be used again.
    if (room > 0) this.#wait({ is: 'sound', samples: samples.slice(0, room) });
    if (room >= samples.length) return;
    this.#wait({ is: 'gap', length: samples.length - room });
    this.#options.dropped(samplesToMs(samples.length - room));
  }

  /** @returns false when there is too little sound for a turn, or the provider decides about turns. */
  commit(): boolean {
    if (this.#options.turn === 'auto' || this.#sinceCommit < msToSamples(SHORTEST_COMMIT_MS)) return false;
    this.#sinceCommit = 0;
    if (!this.#isOpen) {
      this.#wait({ is: 'commit' });
      return true;
    }
    this.#flush();
    this.#sendCommit();
    return true;
  }

  clear(): void {
    this.#sinceCommit = 0;
    this.#forget();
    // A turn that was let go of before the provider was there stays a turn.
    const lastCommit = this.#waiting.map(({ is }) => is).lastIndexOf('commit');
    this.#waiting = this.#waiting.slice(0, lastCommit + 1);
    this.#waitingSamples = lengthOfAll(this.#waiting);
    if (this.#isOpen) this.#options.send('{"type":"input_audio_buffer.clear"}');
  }

  /** The provider takes sound from its position 0 on. */
  open(): void {
    this.#isOpen = true;
    this.#sent = 0;
    this.#offsets = [{ from: 0, ahead: this.#appended - spanOfAll(this.#waiting) }];
    this.#flush();
  }

  /** The provider is gone. What was not committed is said again to the next one, before what waits. */
  shut(): void {
    this.#isOpen = false;
    this.#stopRetry?.();
    this.#stopRetry = null;
    this.#waiting = [...this.#unsettled, ...this.#waiting];
    this.#waitingSamples += this.#unsettledSamples;
    this.#forget();
  }

  speechStarted(): void {
    this.#isSpeaking = true;
  }

  /** The provider has made a turn of what was sent up to the oldest commit, or of all where it decides. */
  committed(): void {
    if (this.#options.turn === 'auto') {
      this.#forget();
      return;
    }
    this.#unsettled.splice(0, this.#unsettled.findIndex(({ is }) => is === 'commit') + 1);
    this.#unsettledSamples = lengthOfAll(this.#unsettled);
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
    return true;
  }

  #wait(piece: Piece): void {
    push(this.#waiting, piece);
    this.#waitingSamples += lengthOf(piece);
  }

  /** What waits goes on by itself: the sound that would push it may never come. */
  #retryLater(): void {
    if (!this.#isOpen || this.#stopRetry !== null) return;
    const { clock } = this.#options;
    this.#stopRetry = clock.wakeAt(clock.now() + RETRY_MS, () => {
      this.#stopRetry = null;
      if (!this.#mayFlow()) this.#retryLater();
    });
  }

  #flush(): void {
    this.#stopRetry?.();
    this.#stopRetry = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingSamples = 0;
    for (const piece of waiting) {
      if (piece.is === 'sound') this.#send(piece.samples);
      else if (piece.is === 'commit') this.#sendCommit();
      else this.#skip(piece.length);
    }
  }

  #skip(samples: number): void {
    this.#offsets.push({ from: this.#sent, ahead: (this.#offsets.at(-1)?.ahead ?? 0) + samples });
    if (this.#offsets.length > OFFSETS_KEPT) this.#offsets.shift();
  }

  #send(samples: Int16Array): void {
    // Base64 needs no escaping, so the message is put together by hand: nothing scans it again.
    this.#options.send(`{"type":"input_audio_buffer.append","audio":"${toBase64(samples)}"}`);
    this.#sent += samples.length;
    const keepsStart = this.#options.turn === 'hold' || this.#isSpeaking;
    if (keepsStart && this.#unsettledSamples + samples.length > KEEP) {
      push(this.#unsettled, { is: 'gap', length: samples.length });
      return;
    }
    this.#unsettled.push({ is: 'sound', samples: samples.slice() });
    this.#unsettledSamples += samples.length;
    while (!keepsStart && this.#unsettledSamples > PREROLL) {
      const oldest = this.#unsettled.shift();
      this.#unsettledSamples -= oldest === undefined ? 0 : lengthOf(oldest);
    }
  }

  #sendCommit(): void {
    this.#options.send('{"type":"input_audio_buffer.commit"}');
    this.#unsettled.push({ is: 'commit' });
  }

  #forget(): void {
    this.#unsettled = [];
    this.#unsettledSamples = 0;
    this.#isSpeaking = false;
  }
}
