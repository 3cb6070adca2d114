/**
 * Makes recordings from different makers alike: silence off both ends, one loudness, soft edges.
 * Works at any rate.
 */

const FRAME_MS = 10;
const FLOOR_DBFS = -55;
/** Under its loudest frame by this much, a frame is silence. */
const SILENCE_RANGE_DB = 40;
/** Frames that count for loudness are within this of the loudest. */
const ACTIVE_RANGE_DB = 20;
const PEAK_LIMIT = 0.9 * 32767;

/** Loudness that every phrase of the emulator has, in dBFS RMS while it sounds. */
export const VOICE_DBFS = -20;

function frameLevels(samples: Int16Array, rateHz: number): number[] {
  const length = Math.round((rateHz * FRAME_MS) / 1000);
  const levels: number[] = [];
  for (let start = 0; start < samples.length; start += length) {
    const frame = samples.subarray(start, start + length);
    let power = 0;
    for (const sample of frame) power += (sample / 32768) ** 2;
    levels.push(10 * Math.log10(power / frame.length + 1e-12));
  }
  return levels;
}

/** Cuts silence off, leaving one frame (10 ms) before and two after. A copy; empty where nothing sounds. */
export function trimEnds(samples: Int16Array, rateHz: number): Int16Array {
  const levels = frameLevels(samples, rateHz);
  const threshold = Math.max(FLOOR_DBFS, Math.max(...levels, FLOOR_DBFS) - SILENCE_RANGE_DB);
  const first = levels.findIndex((level) => level > threshold);
  if (first < 0) return new Int16Array(0);
  const last = levels.findLastIndex((level) => level > threshold);
  const length = Math.round((rateHz * FRAME_MS) / 1000);
  return samples.slice(Math.max(0, (first - 1) * length), (last + 3) * length);
}

/** Loudness while it sounds, in dBFS RMS; -Infinity for silence. */
export function activeLevel(samples: Int16Array, rateHz: number): number {
  const levels = frameLevels(samples, rateHz);
  const loudest = Math.max(FLOOR_DBFS, ...levels);
  const active = levels.filter((level) => level > FLOOR_DBFS && level > loudest - ACTIVE_RANGE_DB);
  if (active.length === 0) return -Infinity;
  return 10 * Math.log10(active.reduce((sum, level) => sum + 10 ** (level / 10), 0) / active.length);
}

/** Trims, brings to {@link VOICE_DBFS} (less where it would clip) and fades 4 ms in, 8 ms out. */
export function finishRecording(samples: Int16Array, rateHz: number): Int16Array {
  const trimmed = trimEnds(samples, rateHz);
  let peak = 1;
  for (const sample of trimmed) peak = Math.max(peak, Math.abs(sample));
  const level = activeLevel(trimmed, rateHz);
  const gain = level === -Infinity ? 0 : Math.min(10 ** ((VOICE_DBFS - level) / 20), PEAK_LIMIT / peak);
  const fadeIn = (rateHz * 4) / 1000;
  const fadeOut = (rateHz * 8) / 1000;
  return trimmed.map((sample, at) =>
    Math.round(sample * gain * Math.min(1, at / fadeIn, (trimmed.length - 1 - at) / fadeOut)),
  );
}
