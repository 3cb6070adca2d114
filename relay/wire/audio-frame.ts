/**
 * Binary frames. Text frames carry JSON, binary frames carry sound, and nothing
 * is base64. The header is eight bytes so that in the browser the samples start
 * aligned and are read in place as an `Int16Array`.
 *
 *     | epoch u32 | seq u16 | lane u8 | flags u8 | PCM16 little endian, or Opus packets ... |
 *
 * What is in a body of Opus packets is `opus-body.ts`. The header is big endian. This file knows the layout and nothing about sockets,
 * order or loss; `unwrapSequence` is here because the sequence's width is.
 */
import { MAX_FRAME_BYTES, SAMPLE_BYTES } from './format.ts';

/** Bytes before the first sample. */
export const HEADER_BYTES = 8;

/** Whose sound a frame carries. `mic` goes up, the three lanes come down. */
export const LANES = ['mic', 'A', 'B', 'C'] as const;
export type WireLane = (typeof LANES)[number];

/** Up: the onset detector says that somebody speaks. */
export const FLAG_SPEECH = 1;
/** Down: the last frame of its item or clip. */
export const FLAG_LAST = 2;
/** The body is Opus; only after both sides agreed on it. */
export const FLAG_OPUS = 4;
/** All flags this version knows; a frame with any other is refused. */
export const KNOWN_FLAGS = FLAG_SPEECH | FLAG_LAST | FLAG_OPUS;
/** The epoch of clips that are sent ahead to be kept. Live epochs start at 1. */
export const CLIP_EPOCH = 0;

export interface AudioFrame {
  /** Which opening of the gate this sound belongs to, 0 … 2³²−1. */
  epoch: number;
  /** Counts frames of one direction, 0 … 65535, wrapping. */
  seq: number;
  lane: WireLane;
  /** Bit set of `FLAG_…`. */
  flags: number;
  /** Empty where the frame is Opus. */
  samples: Int16Array;
  /** The body of a frame that is Opus, instead of samples. */
  opus?: Uint8Array;
}

export type FrameFault = 'too-short' | 'too-long' | 'odd-length' | 'unknown-lane' | 'unknown-flags' | 'empty';
export type DecodedFrame = { ok: true; frame: AudioFrame } | { ok: false; fault: FrameFault };

/**
 * Lays out one frame.
 *
 * @param allocate - Gives the bytes to lay it out in, aligned for samples; new ones by default.
 * @throws {RangeError} when a header field does not fit its width or there are too many samples.
 */
export function encodeAudioFrame(
  frame: AudioFrame,
  allocate?: (bytes: number) => Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const { epoch, seq } = frame;
  if (sizeOf(frame) > MAX_FRAME_BYTES) throw new RangeError(`a frame holds at most ${MAX_FRAME_BYTES} bytes`);
  if (!Number.isInteger(epoch) || epoch < 0 || epoch > 0xffffffff) throw new RangeError('epoch is not a u32');
  if (!Number.isInteger(seq) || seq < 0 || seq > 0xffff) throw new RangeError('seq is not a u16');
  return layOutAudioFrame(frame, allocate?.(sizeOf(frame)));
}

const sizeOf = ({ samples, opus }: AudioFrame) => HEADER_BYTES + (opus?.length ?? samples.length * SAMPLE_BYTES);

/** The same for whoever knows that everything fits; what does not is cut to its width. */
export function layOutAudioFrame(frame: AudioFrame, bytes = new Uint8Array(sizeOf(frame))): Uint8Array<ArrayBuffer> {
  const { epoch, seq, lane, flags, samples, opus } = frame;
  // Not by a DataView: making one costs more than the whole header.
  bytes[0] = epoch >>> 24;
  bytes[1] = epoch >>> 16;
  bytes[2] = epoch >>> 8;
  bytes[3] = epoch;
  bytes[4] = seq >>> 8;
  bytes[5] = seq;
  bytes[6] = LANES.indexOf(lane);
  bytes[7] = opus ? flags | FLAG_OPUS : flags;
  // Every platform this runs on is little endian, as typed arrays then are.
  if (opus) bytes.set(opus, HEADER_BYTES);
  else new Int16Array(bytes.buffer, bytes.byteOffset + HEADER_BYTES).set(samples);
  return bytes;
}

/**
 * Reads one frame. The samples are a view of `bytes` where alignment allows and a copy where not;
 * the caller must not write to `bytes` while it keeps them.
 */
export function decodeAudioFrame(bytes: Uint8Array): DecodedFrame {
  if (bytes.byteLength < HEADER_BYTES) return { ok: false, fault: 'too-short' };
  if (bytes.byteLength > MAX_FRAME_BYTES) return { ok: false, fault: 'too-long' };
  const bodyBytes = bytes.byteLength - HEADER_BYTES;
  if (bodyBytes === 0) return { ok: false, fault: 'empty' };
  const lane = LANES[bytes[6] ?? LANES.length];
  if (lane === undefined) return { ok: false, fault: 'unknown-lane' };
  const flags = bytes[7] ?? 0;
  if ((flags & ~KNOWN_FLAGS) !== 0) return { ok: false, fault: 'unknown-flags' };
  const epoch = bigEndian(bytes, 0, 4);
  const seq = bigEndian(bytes, 4, 2);
  if ((flags & FLAG_OPUS) !== 0) {
    const opus = bytes.subarray(HEADER_BYTES);
    return { ok: true, frame: { epoch, seq, lane, flags, samples: new Int16Array(0), opus } };
  }
  if (bodyBytes % SAMPLE_BYTES !== 0) return { ok: false, fault: 'odd-length' };
  const start = bytes.byteOffset + HEADER_BYTES;
  const samples =
    start % SAMPLE_BYTES === 0
      ? new Int16Array(bytes.buffer, start, bodyBytes / SAMPLE_BYTES)
      : // Not `slice`: a Node Buffer's shares its memory.
        new Int16Array(new Uint8Array(bytes.subarray(HEADER_BYTES)).buffer);
  return { ok: true, frame: { epoch, seq, lane, flags, samples } };
}

/** Byte by byte, as it was laid out. */
function bigEndian(bytes: Uint8Array, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++) value = value * 256 + (bytes[at] ?? 0);
  return value;
}

/**
 * The full count that a 16-bit sequence stands for, the one nearest to what was expected.
 *
 * @param expected - full count of the frame that should come next.
 * @param seq - the 16 bits that came.
 */
export function unwrapSequence(expected: number, seq: number): number {
  const near = expected - (expected % 0x10000) + seq;
  if (near - expected > 0x8000) return Math.max(seq, near - 0x10000);
  if (expected - near > 0x8000) return near + 0x10000;
  return near;
}
