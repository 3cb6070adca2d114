/** When to try again after the connection was lost: arithmetic only; who waits and who dials is elsewhere. */

/** A call that could not come back in this time has failed, in milliseconds. */
export const GIVE_UP_AFTER_MS = 60_000;

const FIRST_MS = 250;
const LONGEST_MS = 8_000;
/** A relay that said it is full is given more air. */
const BUSY_MS = 2_000;

/** Less than this without a connection is nobody's concern, in milliseconds. */
export const QUIET_MS = 1_000;
/** So long a gate stays open without a connection where the relay does not say, in milliseconds. */
export const GRACE_MS = 5_000;

/**
 * Milliseconds from the loss, or from the attempt before, to this attempt.
 *
 * @param attempt - 1 for the first, which is made at once unless the relay asked for time.
 * @param comeBackMs - what the relay asked for when it said that it stops, or has no room.
 */
export function dialDelayMs(attempt: number, random: number, busy: boolean, comeBackMs = 0): number {
  if (attempt > 1) return retryDelayMs(attempt - 1, random, busy);
  return busy ? Math.max(comeBackMs, retryDelayMs(1, random, busy)) : comeBackMs;
}

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
