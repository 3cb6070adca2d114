/** Tries one input after the other, the same ones for the same seed, until something is wrong or it is time. */
import { seeded } from '../load/random.ts';
import type { Target } from './target.ts';

/** No input may keep the process busy for longer, in milliseconds; a busy machine is allowed for. */
const LONGEST_MS = 5_000;

export interface Found {
  target: string;
  /** Which try of the seed it was. */
  number: number;
  input: Buffer;
  error: Error;
}

const asError = (thrown: unknown) => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/** @returns what was wrong with the input, if anything. */
export async function tryOne(target: Target, input: Buffer): Promise<Error | null> {
  const startedAt = performance.now();
  try {
    await target.run(input);
  } catch (error) {
    return asError(error);
  }
  const ms = performance.now() - startedAt;
  return ms > LONGEST_MS ? new Error(`it took ${Math.round(ms)} ms`) : null;
}

/**
 * The right inputs first, then mutants, each made from a right one or from a former mutant.
 *
 * @param goesOn - Asked before each, with how many were tried.
 */
export async function fuzz(
  target: Target,
  seed: number,
  goesOn: (tried: number) => boolean,
): Promise<{ tried: number; found: Found | null }> {
  const random = seeded(seed).fork(target.name);
  let tried = 0;
  let last: Buffer | null = null;
  for (; goesOn(tried); tried += 1) {
    const right = target.corpus[tried];
    const from: Buffer = last !== null && random.chance(0.2) ? last : random.pick(target.corpus);
    const input = right ?? target.mutate(random, from);
    last = input.length < 65_536 ? input : null;
    const error = await tryOne(target, input);
    if (error !== null) return { tried: tried + 1, found: { target: target.name, number: tried, input, error } };
  }
  return { tried, found: null };
}
