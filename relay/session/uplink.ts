/**
 * What the page sends, let in or not: form, lane, order and rate of binary frames, rate of
 * messages. Knows what a frame looks like and how much of them is too much; what the sound says
 * and where it goes is not its business.
 */
import { FLAG_OPUS, FLAG_SPEECH, decodeAudioFrame, samplesToMs } from '#wire';
import type { Clock } from '../clock.ts';
import type { FaultCode } from '../errors.ts';
import { createReceived, type Received } from './line-log.ts';
import type { PageCodec } from './page-codec.ts';

/** Sound a page may send: half as much again as real time, so that it can catch up. */
const SOUND_RATE = 1.5;
/** After a stalled network this much may come at once. */
const SOUND_BURST_MS = 6_000;
/** Messages a second, of either kind. */
const MESSAGE_RATE = 60;
const FRAME_BURST = 360;
const TEXT_BURST = 120;

/** `at` says what was wrong, in one word. */
export type UplinkFrame = { ok: true; samples: Int16Array } | { ok: false; code: FaultCode; at: string };

export interface Uplink {
  frame(bytes: Uint8Array): UplinkFrame;
  /** Whether one more text message is within the rate. */
  message(): boolean;
  /** The page was not read from for so long: what it has kept meanwhile may come at once. */
  wasHeld(ms: number): void;
}

interface Bucket {
  take(amount: number): boolean;
  /** What these milliseconds would have let through is let through at once, over the burst. */
  owe(ms: number): void;
}

function bucket(clock: Clock, perSecond: number, burst: number): Bucket {
  let left = burst;
  let at = clock.now();
  return {
    take(amount) {
      const now = clock.now();
      left = Math.max(left, Math.min(burst, left + ((now - at) * perSecond) / 1000));
      at = now;
      if (left < amount) return false;
      left -= amount;
      return true;
    },
    owe: (ms) => void (left += (ms * perSecond) / 1000),
  };
}

const refused = (code: FaultCode, at: string): UplinkFrame => ({ ok: false, code, at });

class SoundReader implements Uplink {
  readonly #received: Pick<Received, 'frame'>;
  readonly #codec: Pick<PageCodec, 'read'> | undefined;
  readonly #sound: Bucket;
  readonly #frames: Bucket;
  readonly #texts: Bucket;

  constructor(clock: Clock, codec?: Pick<PageCodec, 'read'>, received: Pick<Received, 'frame'> = createReceived()) {
    this.#received = received;
    this.#codec = codec;
    this.#sound = bucket(clock, SOUND_RATE * 1000, SOUND_BURST_MS);
    this.#frames = bucket(clock, MESSAGE_RATE, FRAME_BURST);
    this.#texts = bucket(clock, MESSAGE_RATE, TEXT_BURST);
  }

  frame(bytes: Uint8Array): UplinkFrame {
    const decoded = decodeAudioFrame(bytes);
    if (!decoded.ok) return refused('protocol', decoded.fault);
    const { lane, seq, flags, samples, opus } = decoded.frame;
    if (lane !== 'mic') return refused('protocol', 'lane');
    if ((flags & ~(FLAG_SPEECH | FLAG_OPUS)) !== 0) return refused('protocol', 'flags');
    if (!this.#received.frame(seq)) return refused('protocol', 'order');
    if (!this.#frames.take(1)) return refused('rate-limited', 'frames');
    const packed = opus && this.#codec?.read(opus);
    if (opus && !packed) return refused('protocol', 'codec');
    if (!this.#sound.take(packed?.ms ?? samplesToMs(samples.length))) return refused('rate-limited', 'sound');
    const heard = packed ? packed.unpack() : samples;
    return heard === null ? refused('protocol', 'codec') : { ok: true, samples: heard };
  }

  message(): boolean {
    return this.#texts.take(1);
  }

  wasHeld(ms: number): void {
    for (const one of [this.#sound, this.#frames, this.#texts]) one.owe(ms);
  }
}

/**
 * @param codec - unpacks frames that are not PCM16.
 * @param received - Counts the frames.
 */
export function createUplink(
  clock: Clock,
  codec?: Pick<PageCodec, 'read'>,
  received: Pick<Received, 'frame'> = createReceived(),
): Uplink {
  return new SoundReader(clock, codec, received);
}
