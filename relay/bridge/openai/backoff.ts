/** How long to wait before dialling again. Pure: the caller keeps the count and the clock. */

/** First wait of an incident, before jitter, in milliseconds. */
export const FIRST_WAIT_MS = 250;
/** No wait is longer. */
export const LONGEST_WAIT_MS = 5_000;

/**
 * Doubles from {@link FIRST_WAIT_MS} to {@link LONGEST_WAIT_MS}; the upper half of each wait is
 * random, so that many sessions that were dropped at once do not return at once.
 *
 * @param attempt - attempts of this incident that have failed already, from 0.
 * @param random - in [0, 1).
 * @returns milliseconds.
 */
export function backoffMs(attempt: number, random: number): number {
  const fullMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 16));
  return fullMs / 2 + (fullMs / 2) * random;
}
