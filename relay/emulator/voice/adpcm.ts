/**
 * Four bits a sample for the phrase bank: IMA ADPCM without blocks, one run a recording, low
 * nibble first. Both directions are here so that the encoder can never drift from the decoder.
 *
 * @see IMA Digital Audio Focus and Technical Working Groups, "Recommended Practices", 1992
 */

const INDEX_STEPS = [-1, -1, -1, -1, 2, 4, 6, 8] as const;
/** The 89 step sizes of the recommendation, each about 1.1 times the one before. */
const STEPS = Int16Array.of(
  ...[7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97],
  ...[107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796],
  ...[876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428],
  ...[4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385],
  ...[24623, 27086, 29794, 32767],
);

interface Predictor {
  value: number;
  index: number;
}

/** What `nibble` makes of `from`: both ends walk through this. */
function follow(from: Predictor, nibble: number): Predictor {
  const step = STEPS[from.index] ?? 7;
  let change = step >> 3;
  if (nibble & 4) change += step;
  if (nibble & 2) change += step >> 1;
  if (nibble & 1) change += step >> 2;
  const value = Math.max(-32768, Math.min(32767, from.value + (nibble & 8 ? -change : change)));
  const index = Math.max(0, Math.min(STEPS.length - 1, from.index + (INDEX_STEPS[nibble & 7] ?? 0)));
  return { value, index };
}

/** @returns half a byte a sample, rounded up. */
export function encodeAdpcm(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array((samples.length + 1) >> 1);
  let state: Predictor = { value: 0, index: 0 };
  samples.forEach((sample, at) => {
    const step = STEPS[state.index] ?? 7;
    const difference = sample - state.value;
    const magnitude = Math.min(7, Math.floor((Math.abs(difference) * 4) / step));
    const nibble = magnitude | (difference < 0 ? 8 : 0);
    bytes[at >> 1] = (bytes[at >> 1] ?? 0) | (nibble << (at & 1 ? 4 : 0));
    state = follow(state, nibble);
  });
  return bytes;
}

/** @param length - Samples to decode; missing bytes decode as rest. */
export function decodeAdpcm(bytes: Uint8Array, length: number): Int16Array {
  const samples = new Int16Array(length);
  let value = 0;
  let index = 0;
  for (let at = 0; at < length; at++) {
    const nibble = ((bytes[at >> 1] ?? 0) >> (at & 1 ? 4 : 0)) & 15;
    const next = follow({ value, index }, nibble);
    ({ value, index } = next);
    samples[at] = value;
  }
  return samples;
}
