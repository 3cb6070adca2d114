/** When a delivery that failed is tried again: eight tries within a day, each wait longer. Pure. */

/** After this many a delivery is dead, until somebody replays it. */
export const MOST_TRIES = 8;
const FIRST_WAIT_MS = 5_000;
/** Seven waits, of 5 s, 24 s, 2 min, 10 min, 48 min, 4 h and 19 h. */
const GROWTH = 4.9;
/** So that endpoints that failed together do not all come back at once. */
const JITTER = 0.2;

/**
 * @param tries - Failed so far, from 1.
 * @param random - In [0, 1).
 * @returns milliseconds to wait; null when it was the last try.
 */
export function waitAfter(tries: number, random: number): number | null {
  if (tries >= MOST_TRIES) return null;
  return Math.round(FIRST_WAIT_MS * GROWTH ** (tries - 1) * (1 - JITTER / 2 + JITTER * random));
}
