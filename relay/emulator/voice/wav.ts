/** Reads mono PCM16 out of a WAV file or stream, as speech programs write them. */

/** @throws {RangeError} when it is not mono PCM16. A length that overstates the data (a stream's) is cut. */
export function readWav(bytes: Uint8Array): { rateHz: number; samples: Int16Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 12 || tag(0) !== 'RIFF' || tag(8) !== 'WAVE') throw new RangeError('not a WAV file');
  let rateHz = 0;
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    const body = at + 8;
    if (tag(at) === 'fmt ' && body + 16 <= bytes.length) {
      const isPcm16Mono =
        view.getUint16(body, true) === 1 &&
        view.getUint16(body + 2, true) === 1 &&
        view.getUint16(body + 14, true) === 16;
      if (!isPcm16Mono) throw new RangeError('not mono PCM16');
      rateHz = view.getUint32(body + 4, true);
    } else if (tag(at) === 'data' && rateHz > 0) {
      const length = Math.min(size, bytes.length - body) >> 1;
      return { rateHz, samples: Int16Array.from({ length }, (_, index) => view.getInt16(body + 2 * index, true)) };
    }
    at = body + size + (size & 1);
  }
  throw new RangeError('a WAV file without sound');
}
