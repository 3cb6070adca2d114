/**
 * How tests listen: resampling to the wire's rate, finding a known recording inside another, and
 * measuring how much of it was heard, where it broke and what was left. Floats are −1 … 1.
 */

/** Linear interpolation is enough for measuring; the product's own resampler is under test elsewhere. */
export function resampleTo(samples: Float32Array, fromHz: number, toHz: number): Float32Array {
  const length = Math.floor((samples.length * toHz) / fromHz);
  const out = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const at = (i * fromHz) / toHz;
    const left = Math.floor(at);
    const a = samples[left] ?? 0;
    const b = samples[left + 1] ?? a;
    out[i] = a + (b - a) * (at - left);
  }
  return out;
}

export function toFloat(samples: Int16Array): Float32Array {
  return Float32Array.from(samples, (sample) => sample / 32768);
}

/** Root mean square of `samples[from, to)`. */
export function levelOf(samples: Float32Array, from = 0, to = samples.length): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += (samples[i] ?? 0) ** 2;
  return Math.sqrt(sum / Math.max(1, to - from));
}

/** Normalised correlation of `part` with `whole` at `offset`, −1 … 1. */
export function likeness(whole: Float32Array, part: Float32Array, offset: number): number {
  let dot = 0;
  let a = 0;
  let b = 0;
  for (let i = 0; i < part.length; i++) {
    const x = whole[offset + i] ?? 0;
    const y = part[i] ?? 0;
    dot += x * y;
    a += x * x;
    b += y * y;
  }
  return a === 0 || b === 0 ? 0 : dot / Math.sqrt(a * b);
}

/** Best offset of `part` within `whole[from, to)`, first coarsely, then to the sample. */
export function locate(
  whole: Float32Array,
  part: Float32Array,
  from = 0,
  to = whole.length - part.length,
): { offset: number; likeness: number } {
  let best = { offset: from, likeness: -1 };
  const consider = (offset: number) => {
    const value = likeness(whole, part, offset);
    if (value > best.likeness) best = { offset, likeness: value };
  };
  for (let offset = Math.max(0, from); offset <= to; offset += 3) consider(offset);
  const coarse = best.offset;
  for (let offset = coarse - 3; offset <= coarse + 3; offset++) consider(offset);
  return best;
}

export interface Hearing {
  /** Where in the recording the first window was found, in samples. */
  startsAt: number;
  /** Worst likeness of any window of the reference that was looked for. */
  worst: number;
  /** Sum of everything inserted between windows, in milliseconds. */
  gapMs: number;
  /** Milliseconds of the reference that were heard, from its start. */
  heardMs: number;
}

/**
 * Follows `reference` through `recording`, window by window.
 *
 * @param windowMs - length of one window; a silent window is passed over.
 * @returns undefined when not even the first sounding window is there.
 */
export function follow(
  recording: Float32Array,
  reference: Float32Array,
  rateHz: number,
  windowMs = 120,
): Hearing | undefined {
  const size = Math.round((rateHz * windowMs) / 1000);
  const reach = Math.round(rateHz * 0.15);
  let lag: number | undefined;
  let startsAt = 0;
  let worst = 1;
  let gap = 0;
  let heard = 0;
  for (let at = 0; at + size <= reference.length; at += size) {
    const part = reference.subarray(at, at + size);
    if (levelOf(part) < 0.01) continue;
    const found =
      lag === undefined
        ? locate(recording, part)
        : locate(recording, part, at + lag - reach, Math.min(at + lag + reach, recording.length - size));
    if (found.likeness < 0.6) {
      if (lag === undefined) continue;
      break;
    }
    if (lag === undefined) startsAt = found.offset - at;
    else gap += Math.max(0, found.offset - at - lag);
    lag = found.offset - at;
    worst = Math.min(worst, found.likeness);
    heard = at + size;
  }
  if (lag === undefined) return undefined;
  return { startsAt, worst, gapMs: (gap * 1000) / rateHz, heardMs: (heard * 1000) / rateHz };
}

/** First sample after `from` from which the recording stays below `floor` for `forMs`. */
export function silentFrom(
  recording: Float32Array,
  rateHz: number,
  from: number,
  forMs: number,
  floor = 0.003,
): number {
  const hop = Math.round(rateHz * 0.005);
  const need = Math.round((forMs / 1000) * rateHz);
  let start = from;
  for (let at = from; at < recording.length; at += hop) {
    if (levelOf(recording, at, Math.min(at + hop, recording.length)) > floor) start = at + hop;
    else if (at + hop - start >= need) return start;
  }
  return recording.length - start >= need ? start : -1;
}
