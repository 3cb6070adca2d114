/**
 * When a connection gives way to the next before the provider ends it. Pure: ages and moments in,
 * a decision out.
 */
import type { Moment } from '../bridge.ts';

/** Ages of a connection in milliseconds; the provider ends a session at 60 minutes. */
export interface RotationTimes {
  /** Each session begins to look for a quiet moment at a time of its own between these two. */
  fromMs: number;
  toMs: number;
  /** From here on what still plays is no reason to wait: all of it has come. */
  forceMs: number;
  /** From here on nothing is: what is under way is said and asked again. */
  latestMs: number;
}

const MINUTE_MS = 60_000;
export const ROTATION: RotationTimes = {
  fromMs: 50 * MINUTE_MS,
  toMs: 55 * MINUTE_MS,
  forceMs: 58 * MINUTE_MS,
  latestMs: 59.5 * MINUTE_MS,
};
/** While one is due: how often the moment is looked at. */
export const LOOK_EVERY_MS = 250;
/** A second connection that was ready at the wrong moment is let go; the next is not dialled sooner. */
export const MISSED_PAUSE_MS = 5_000;
/** One that did not come about: the first goes on, and it is tried again after this. */
export const FAILED_PAUSE_MS = 30_000;
/** How long a session stays with the second provider before it looks for the first again. */
export const RETURN_AFTER_MS = 60_000;

export type Move =
  | 'stay'
  /** Nobody notices. */
  | 'switch'
  /** There is no better moment: a loss like any other, whose next connection is dialled at once. */
  | 'break';

export function moveAt(moment: Moment, ageMs: number, times: RotationTimes): Move {
  if (moment === 'quiet') return 'switch';
  if (moment === 'playing' && ageMs >= times.forceMs) return 'switch';
  return ageMs >= times.latestMs ? 'break' : 'stay';
}
