/** Between samples and the provider's base64: the only place in the product that has any. Knows no item and no socket. */
import { SAMPLE_BYTES } from '#wire';

/** Samples as base64 of PCM16, little endian as every platform this runs on is. */
export function toBase64(samples: Int16Array): string {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString('base64');
}

/** Decodes the chunks of one item; a sample cut in two by the provider is put together again. */
export interface PcmReader {
  /** @returns the whole samples that are there now, possibly none. Characters that are not base64 are skipped. */
  read(base64: string): Int16Array;
}

export function pcmReader(): PcmReader {
  let odd: Buffer | null = null;
  return {
    read(base64) {
      let bytes: Buffer = Buffer.from(base64, 'base64');
      if (odd !== null) bytes = Buffer.concat([odd, bytes]);
      const wholeBytes = bytes.byteLength - (bytes.byteLength % SAMPLE_BYTES);
      // `from` detaches the one byte from a buffer that would otherwise be kept whole.
      odd = wholeBytes === bytes.byteLength ? null : Buffer.from(bytes.subarray(wholeBytes));
      // Small buffers are cut out of a shared pool, at offsets that a caller must not rely on.
      if (bytes.byteOffset % SAMPLE_BYTES !== 0) bytes = Buffer.from(new Uint8Array(bytes).buffer);
      return new Int16Array(bytes.buffer, bytes.byteOffset, wholeBytes / SAMPLE_BYTES);
    },
  };
}
