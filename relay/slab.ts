/**
 * Cuts small buffers out of larger ones. A buffer of its own for each frame of sound costs more than everything
 * else that is done with it: memory of the system's, a record for the collector, and giving both back. What is
 * cut out keeps its whole piece alive, so a slab belongs to one conversation, and what it gives is let go of in
 * about the order in which it was given.
 */

const NOTHING = new Uint8Array(0);
/** Where what is given begins: every typed array may lie on it. */
const ALIGNED = 8;

export class Slab {
  readonly #pieceBytes: number;
  #piece = NOTHING;
  #used = 0;

  /** @param pieceBytes - Of one piece; what is larger than a quarter of it gets a buffer of its own. */
  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** @returns so many bytes, all zero: no part of a piece is given twice. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes > this.#pieceBytes / 4) return new Uint8Array(bytes);
    if (this.#used + bytes > this.#piece.length) {
      this.#piece = new Uint8Array(this.#pieceBytes);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += Math.ceil(bytes / ALIGNED) * ALIGNED;
    return this.#piece.subarray(from, from + bytes);
  }

  /** A copy of these samples. */
  copyOf(samples: Int16Array): Int16Array {
    const copy = this.samples(samples.length);
    copy.set(samples);
    return copy;
  }

  /** Room for so many samples. */
  samples(count: number): Int16Array<ArrayBuffer> {
    const { buffer, byteOffset } = this.take(count * Int16Array.BYTES_PER_ELEMENT);
    return new Int16Array(buffer, byteOffset, count);
  }
}
