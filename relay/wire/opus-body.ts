/**
 * What a binary frame carries where sound is Opus: packets of 20 ms at 24 kHz, and which of the samples they
 * decode to are meant, so that positions stay exact to the sample whatever the codec looks ahead.
 *
 *     | skip u16 | samples u16 | length u16 | packet ... | length u16 | packet ... |
 *
 * Big endian. This file knows the layout and no codec.
 */
import { FRAME_SAMPLES } from './format.ts';

/** Most packets of one frame: a batch of 100 ms, twice over. */
export const MOST_PACKETS = 10;
/** The longest packet that Opus has, in bytes. */
const LONGEST_PACKET = 1275;
const HEAD_BYTES = 4;
const LENGTH_BYTES = 2;

export interface OpusBody {
  /** Samples to leave out at the beginning of what the packets decode to. */
  skip: number;
  /** Samples that count after those; what is left over then is padding. */
  samples: number;
  /** Each decodes to {@link FRAME_SAMPLES}. At least one, at most {@link MOST_PACKETS}. */
  packets: Uint8Array[];
}

export function packOpus({ skip, samples, packets }: OpusBody): Uint8Array<ArrayBuffer> {
  const size = packets.reduce((bytes, packet) => bytes + LENGTH_BYTES + packet.length, HEAD_BYTES);
  const body = new Uint8Array(size);
  const view = new DataView(body.buffer);
  view.setUint16(0, skip);
  view.setUint16(2, samples);
  let at = HEAD_BYTES;
  for (const packet of packets) {
    view.setUint16(at, packet.length);
    body.set(packet, at + LENGTH_BYTES);
    at += LENGTH_BYTES + packet.length;
  }
  return body;
}

/** @returns null where the layout is broken or promises more than the packets can hold. Packets are views of `body`. */
export function readOpus(body: Uint8Array): OpusBody | null {
  if (body.length < HEAD_BYTES) return null;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const packets: Uint8Array[] = [];
  for (let at = HEAD_BYTES; at < body.length;) {
    if (at + LENGTH_BYTES > body.length || packets.length === MOST_PACKETS) return null;
    const length = view.getUint16(at);
    at += LENGTH_BYTES;
    if (length === 0 || length > LONGEST_PACKET || at + length > body.length) return null;
    packets.push(body.subarray(at, at + length));
    at += length;
  }
  const skip = view.getUint16(0);
  const samples = view.getUint16(2);
  if (packets.length === 0 || skip + samples > packets.length * FRAME_SAMPLES) return null;
  return { skip, samples, packets };
}
