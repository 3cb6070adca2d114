/**
 * What a sample is on the wire, and the only conversions between milliseconds,
 * samples and bytes. Sound is mono PCM16, little endian, 24 kHz: what the model
 * speaks, so that the relay never resamples.
 */

/** Samples a second of every binary frame. */
export const RATE_HZ = 24_000;
/** Bytes a sample. */
export const SAMPLE_BYTES = 2;
/** Length of a frame while someone speaks, in milliseconds. */
export const FRAME_MS = 20;
/** Length of a frame while nobody speaks: the relay's cost is per message. */
export const BATCH_MS = 100;
/** Samples of one {@link FRAME_MS} frame. */
export const FRAME_SAMPLES = (RATE_HZ * FRAME_MS) / 1000;
/** Largest binary frame either side accepts, header included, in bytes. */
export const MAX_FRAME_BYTES = 64 * 1024;

/** Samples in `ms` milliseconds, rounded down. */
export function msToSamples(ms: number): number {
  return Math.floor((ms * RATE_HZ) / 1000);
}

/** Milliseconds (may be a fraction) that `samples` last. */
export function samplesToMs(samples: number): number {
  return (samples * 1000) / RATE_HZ;
}

/** Milliseconds (may be a fraction) that `bytes` of samples last. */
export function bytesToMs(bytes: number): number {
  return samplesToMs(bytes / SAMPLE_BYTES);
}
