/**
 * The clips a session needs: wordless ones at once, then those of its voice and language from
 * memory or disk, then what is missing, rendered once however many sessions ask. Knows no
 * provider; who speaks is an argument. Which clip is played when is the arbiter's business.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clip, ClipKind, ClipProblem, ClipRequest, Speak } from './clip.ts';
import { clipFiles } from './clip-files.ts';
import { MOST_PHRASES, checkPhrase, phrasesFor } from './phrases.ts';
import { ClipRefused, TARGET_DBFS, laneLoudness, renderClip } from './render.ts';
import { makeWordless, registerOf } from './wordless.ts';

export type { Clip, ClipKind, ClipProblem, ClipRequest, Speak } from './clip.ts';

/** Sound kept in memory, in bytes. */
const MEMORY_BYTES = 32 * 1024 * 1024;
/** A phrase that came out too long is not tried again for this long. */
const REFUSED_FOR_MS = 6 * 60 * 60_000;
const MOST_REFUSALS = 1000;
/** A rendering that takes longer has failed. */
const RENDER_LIMIT_MS = 20_000;
const LONGEST_TEXT = 400;

export interface ClipLibrary {
  /**
   * "mm", "hmm" and "mhm": ready before any model is.
   *
   * @param voice - Only those in its register, low or high; all without it.
   */
  wordless(voice?: string): Clip[];
  /**
   * Gives what is cached, then renders what is not, one after the other: refusal and fallback
   * first, because silence there would be the worst. Ends early, quietly, when `signal` aborts;
   * a clip that fails is left out and reported. Never rejects.
   *
   * @param onClip - Not called after `signal` aborted.
   */
  clipsFor(request: ClipRequest, speak: Speak, signal: AbortSignal, onClip: (clip: Clip) => void): Promise<void>;
}

interface Wanted {
  key: string;
  kind: ClipKind;
  text: string;
  affirmative: boolean;
}

/** Every field that changes the sound, separated so that no two requests share a key. */
function keyOf(request: ClipRequest, kind: ClipKind, text: string): string {
  const parts = [request.model, request.voice, request.locale, kind, text];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);
}

/** Resolves when `work` settles or `signal` aborts. */
async function settledOr(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = promiseOf();
  signal.addEventListener('abort', resolve, { once: true });
  if (signal.aborted) resolve();
  work.then(resolve, resolve);
  await promise;
  signal.removeEventListener('abort', resolve);
}

function promiseOf(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/**
 * @param options.dir - Where clips survive a restart; null keeps them in memory only.
 * @param options.now - Milliseconds on any clock that does not go back.
 * @param options.onProblem - Told of every clip that was refused or failed; for the log.
 */
export function createClipLibrary(options: {
  dir: string | null;
  now(): number;
  onProblem?: (problem: ClipProblem) => void;
}): ClipLibrary {
  const files = options.dir === null ? null : clipFiles(options.dir);
  const memory = new LRUCache<string, Clip>({
    maxSize: MEMORY_BYTES,
    sizeCalculation: (clip) => clip.samples.byteLength + 256,
  });
  const refused = new LRUCache<string, number>({ max: MOST_REFUSALS });
  const flights = new Map<string, Promise<Clip>>();
  // now rather than at the first session: it takes some milliseconds
  const wordless = makeWordless();

  const report = (wanted: { kind: ClipKind; text: string }, reason: string) =>
    options.onProblem?.({ kind: wanted.kind, text: wanted.text, reason });

  function wantedOf(request: ClipRequest): Wanted[] {
    const wanted: Wanted[] = [];
    const add = (kind: ClipKind, text: string, affirmative = false) => {
      const said = text.trim();
      if (said === '') return;
      if (said.length > LONGEST_TEXT) return report({ kind, text: said }, `longer than ${LONGEST_TEXT} characters`);
      const key = keyOf(request, kind, said);
      if (!wanted.some((other) => other.key === key)) wanted.push({ key, kind, text: said, affirmative });
    };
    add('refusal', request.refusal);
    add('refusal', request.handover ?? '');
    add('refusal', request.ending ?? '');
    add('refusal', request.again ?? '');
    add('fallback', request.fallback);
    const phrases = request.reflexPhrases ?? phrasesFor(request.locale);
    for (const mood of ['neutral', 'affirmative'] as const) {
      for (const phrase of phrases[mood].slice(0, MOST_PHRASES)) {
        const check = checkPhrase(phrase, request.locale, mood);
        if (check.ok) add('reflex', phrase, mood === 'affirmative');
        else report({ kind: 'reflex', text: phrase }, check.reason);
      }
    }
    add('idle', request.idle ?? '');
    return wanted;
  }

  async function cached(key: string): Promise<Clip | undefined> {
    const inMemory = memory.get(key);
    if (inMemory || !files) return inMemory;
    const onDisk = await files.read(key);
    if (onDisk) memory.set(key, onDisk);
    return onDisk;
  }

  async function render(wanted: Wanted, speak: Speak, signal: AbortSignal, targetDb: number): Promise<Clip> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(RENDER_LIMIT_MS)]);
    const { key, kind, text, affirmative } = wanted;
    const clip = await renderClip(text, kind, speak, { signal: limited, affirmative, targetDb });
    memory.set(key, clip);
    await files?.write(key, clip);
    return clip;
  }

  /** The rendered clip, whoever renders it. Undefined when it is refused, failed, or no longer wanted. */
  async function obtain(
    wanted: Wanted,
    speak: Speak,
    signal: AbortSignal,
    targetDb: number,
  ): Promise<Clip | undefined> {
    const { key } = wanted;
    for (;;) {
      const other = flights.get(key);
      if (!other) break;
      await settledOr(other, signal);
      if (signal.aborted) return undefined;
      const rendered = memory.get(key);
      if (rendered) return rendered;
      // whoever rendered it gave up or failed: this session tries with its own voice
    }
    const retryAt = refused.get(key);
    if (retryAt !== undefined && options.now() < retryAt) return undefined;
    const flight = render(wanted, speak, signal, targetDb);
    flights.set(key, flight);
    try {
      return await flight;
    } catch (error) {
      if (error instanceof ClipRefused) refused.set(key, options.now() + REFUSED_FOR_MS);
      if (!signal.aborted) report(wanted, error instanceof Error ? error.message : 'the rendering failed');
      return undefined;
    } finally {
      flights.delete(key);
    }
  }

  return {
    wordless: (voice) =>
      wordless.filter(({ register }) => voice === undefined || register === registerOf(voice)).map(({ clip }) => clip),
    async clipsFor(request, speak, signal, onClip) {
      const missing: Wanted[] = [];
      let targetDb = TARGET_DBFS;
      const give = (clip: Clip) => {
        // the longer clips sound as loud as the model speaks: reflexes are to match that
        if (clip.kind !== 'reflex') targetDb = laneLoudness(clip.samples);
        onClip(clip);
      };
      for (const wanted of wantedOf(request)) {
        const clip = await cached(wanted.key);
        if (signal.aborted) return;
        if (clip) give(clip);
        else missing.push(wanted);
      }
      for (const wanted of missing) {
        const clip = await obtain(wanted, speak, signal, targetDb);
        if (signal.aborted) return;
        if (clip) give(clip);
      }
    },
  };
}
