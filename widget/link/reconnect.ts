/** When to try again after the connection was lost: arithmetic only; who waits and who dials is elsewhere. */

/** A call that could not come back in this time has failed, in milliseconds. */
export const GIVE_UP_AFTER_MS = 60_000;

const FIRST_MS = 250;
const LONGEST_MS = 8_000;
/** A relay that said it is full is given more air. */
const BUSY_MS = 2_000;

/**
 * Milliseconds to wait before an attempt: doubling, with half of it random so that the pages of a
 * relay that went away do not all return in the same instant.
 *
 * @param attempt - 1 for the first.
 * @param random - 0 … 1.
 */
export function retryDelayMs(attempt: number, random: number, busy: boolean): number {
  const full = Math.min(LONGEST_MS, (busy ? BUSY_MS : FIRST_MS) * 2 ** (attempt - 1));
  return Math.round(full / 2 + (full / 2) * random);
}
