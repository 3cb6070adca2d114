/** Whether sound that went over a wire is the same at both its ends, sample by sample. */
import { expect } from 'vitest';
import { joined, type Tapped } from '../../relay/testing/provider-tap.ts';

/** What reached the gate of one item, run by run: each from where the relay said. */
export interface Reached {
  item: string;
  epoch: number;
  /** In samples. */
  from: number;
  frames: Int16Array[];
  isWhole: boolean;
}

/** Where two runs of samples part; -1 for nowhere up to the shorter one's end. */
export function parting(one: Int16Array, other: Int16Array): number {
  return one.findIndex((sample, at) => at < other.length && sample !== other[at]);
}

/**
 * Holds the provider's sound to the microphone's.
 *
 * @param underWay - Samples that may not have come yet, at most.
 */
export function checkUserSound(spoken: Int16Array, heard: Int16Array, underWay = 24_000): void {
  const at = parting(heard, spoken);
  expect(at, `the provider’s sound parts from the microphone’s at sample ${at}`).toBe(-1);
  expect(heard.length).toBeLessThanOrEqual(spoken.length);
  expect(heard.length).toBeGreaterThan(spoken.length - underWay);
}

/** Holds the gate's sound to the provider's. @returns how many items were heard to their end. */
export function checkAgentSound(runs: readonly Reached[], { spoken }: Pick<Tapped, 'spoken'>): number {
  let whole = 0;
  const reached = new Map<string, number>();
  for (const { item, from, frames, isWhole } of runs) {
    const said = joined(spoken.get(item) ?? []);
    const came = joined(frames);
    // A relay that starts an item goes on with it where it was, and never goes back.
    const before = reached.get(item);
    if (before !== undefined) expect(from).toBe(before);
    expect(parting(came, said.subarray(from)), `${item} from ${from} is not what was said`).toBe(-1);
    reached.set(item, from + came.length);
    if (!isWhole) continue;
    whole += 1;
    expect(from + came.length).toBe(said.length);
  }
  return whole;
}
