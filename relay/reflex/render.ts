/**
 * From the model's speech to a clip: ends trimmed, loudness matched, ends faded, and refused
 * where it cannot be short enough. Asks for speech by a function; knows no provider and no cache.
 */
import { createHash } from 'node:crypto';
import { samplesToMs } from '#wire';
import type { Clip, ClipKind, Speak } from './clip.ts';
import { fadeEnds, matchLoudness, speechLevel, trimSilence } from './loudness.ts';

/** Longest reflex, in milliseconds: longer ones would make the answer wait. */
export const LONGEST_REFLEX_MS = 600;
/** Longest refusal, fallback or idle clip, in milliseconds. */
export const LONGEST_CLIP_MS = 10_000;
/** Loudness of lane B while nobody has heard it, in dBFS RMS while speech sounds. */
export const TARGET_DBFS = -20;
/** A model's own loudness is taken as it is between these. */
const SOFTEST_DBFS = -28;
const LOUDEST_DBFS = -14;
const LEAD_MS = 10;
const TAIL_MS = 30;
const FADE_MS = 5;

/** A rendering that is no clip; the code says why. */
export class ClipRefused extends Error {
  override readonly name = 'ClipRefused';
  readonly code: 'too-long' | 'silent';

  constructor(code: 'too-long' | 'silent', message: string) {
    super(message);
    this.code = code;
  }
}

/** An id that depends on the sound alone. */
function idOf(kind: ClipKind, samples: Int16Array): string {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  return `clip_${createHash('sha256').update(kind).update(bytes).digest('hex').slice(0, 24)}`;
}

/** How loud the model that spoke `samples` is, in dBFS RMS, within what is bearable. */
export function laneLoudness(samples: Int16Array): number {
  return Math.max(SOFTEST_DBFS, Math.min(LOUDEST_DBFS, speechLevel(samples)));
}

/**
 * Makes recorded speech a clip. A reflex is brought to `targetDb`; longer clips keep the loudness in
 * which the model spoke them, because that is lane B's.
 *
 * @param targetDb - Lane B's loudness, dBFS RMS.
 * @throws {ClipRefused} `too-long` or `silent`.
 */
export function finishClip(
  samples: Int16Array,
  about: { kind: ClipKind; affirmative: boolean; text?: string },
  targetDb = TARGET_DBFS,
): Clip {
  // a reflex gives up its soft edges before it is refused
  const generous = trimSilence(samples, LEAD_MS, TAIL_MS);
  const longestMs = about.kind === 'reflex' ? LONGEST_REFLEX_MS : LONGEST_CLIP_MS;
  const trimmed = samplesToMs(generous.length) <= longestMs ? generous : trimSilence(samples, 0, 0);
  const ms = Math.ceil(samplesToMs(trimmed.length));
  if (ms === 0) throw new ClipRefused('silent', 'the rendering is silent');
  if (ms > longestMs) {
    throw new ClipRefused('too-long', `the clip lasts ${ms} ms, a ${about.kind} clip may last ${longestMs} ms`);
  }
  const loudness = about.kind === 'reflex' ? targetDb : laneLoudness(trimmed);
  const finished = fadeEnds(matchLoudness(trimmed, loudness), FADE_MS);
  return { id: idOf(about.kind, finished), ...about, ms, samples: finished };
}

/**
 * Has `text` spoken and makes it a clip.
 *
 * @throws {ClipRefused} when the speech is silent or too long for its kind; and whatever `speak` throws.
 */
export async function renderClip(
  text: string,
  kind: ClipKind,
  speak: Speak,
  options: { signal: AbortSignal; affirmative?: boolean; targetDb?: number },
): Promise<Clip> {
  options.signal.throwIfAborted();
  const samples = await speak(text, options.signal);
  return finishClip(samples, { kind, text, affirmative: options.affirmative ?? false }, options.targetDb);
}
