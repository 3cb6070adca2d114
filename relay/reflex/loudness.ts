/**
 * Level and edges of speech: how loud it is while it sounds, where it starts and ends, and a
 * gain that brings it to a target. Knows nothing of clips.
 */
import { msToSamples } from '#wire';

const FRAME = msToSamples(10);
/** A frame this far under the loudest one is silence, whatever its absolute level. */
const RANGE_DB = 38;
/** And so is one under this. */
const FLOOR_DBFS = -58;
/** Speech this far under its loudest frame does not count for its loudness. */
const ACTIVE_RANGE_DB = 20;
const PEAK_LIMIT = 0.94;

const toDb = (power: number) => 10 * Math.log10(power + 1e-12);

/** Level of each 10 ms, in dBFS (full scale sine: -3). */
function frameLevels(samples: Int16Array): number[] {
  const levels: number[] = [];
  for (let start = 0; start < samples.length; start += FRAME) {
    const frame = samples.subarray(start, start + FRAME);
    let power = 0;
    for (const sample of frame) power += (sample / 32768) ** 2;
    levels.push(toDb(power / frame.length));
  }
  return levels;
}

/** Loudness of the parts that sound, in dBFS RMS; -Infinity for silence. */
export function speechLevel(samples: Int16Array): number {
  const levels = frameLevels(samples);
  const loudest = Math.max(FLOOR_DBFS, ...levels);
  const active = levels.filter((level) => level > FLOOR_DBFS && level > loudest - ACTIVE_RANGE_DB);
  if (active.length === 0) return -Infinity;
  return toDb(active.reduce((sum, level) => sum + 10 ** (level / 10), 0) / active.length);
}

/**
 * Cuts silence off both ends, leaving `leadMs` and `tailMs` of it so that soft consonants survive.
 *
 * @returns a copy; empty where nothing sounds.
 */
export function trimSilence(samples: Int16Array, leadMs: number, tailMs: number): Int16Array {
  const levels = frameLevels(samples);
  const threshold = Math.max(FLOOR_DBFS, Math.max(...levels, FLOOR_DBFS) - RANGE_DB);
  const first = levels.findIndex((level) => level > threshold);
  if (first < 0) return new Int16Array(0);
  const last = levels.findLastIndex((level) => level > threshold);
  return samples.slice(
    Math.max(0, first * FRAME - msToSamples(leadMs)),
    Math.min(samples.length, (last + 1) * FRAME + msToSamples(tailMs)),
  );
}

/** Brings speech to `targetDb` dBFS RMS, less where it would clip. */
export function matchLoudness(samples: Int16Array, targetDb: number): Int16Array {
  const level = speechLevel(samples);
  if (level === -Infinity) return samples.slice();
  let peak = 1;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  const gain = Math.min(10 ** ((targetDb - level) / 20), (PEAK_LIMIT * 32767) / peak);
  return samples.map((sample) => Math.round(sample * gain));
}

/** Raised-cosine fades over the first and last `fadeMs`, in place: a clip never starts or ends in a click. */
export function fadeEnds(samples: Int16Array, fadeMs: number): Int16Array {
  const length = Math.min(msToSamples(fadeMs), samples.length >> 1);
  for (let index = 0; index < length; index++) {
    const gain = 0.5 - 0.5 * Math.cos((Math.PI * index) / length);
    const end = samples.length - 1 - index;
    samples[index] = Math.round((samples[index] ?? 0) * gain);
    samples[end] = Math.round((samples[end] ?? 0) * gain);
  }
  return samples;
}
