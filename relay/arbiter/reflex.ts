/** Rule 8: lane A, the short clip that hides the wait. */
import { arm, changeOwner, disarm, type Draft, someoneSpeaks } from './draft.ts';
import { closeReflex } from './kill.ts';
import type { Clip } from './state.ts';

/** Longer clips are no reflex. */
const LONGEST_REFLEX_MS = 600;
/** B's words arriving this shortly before its sound is expected make a reflex pointless. */
const TOO_LATE_FOR_REFLEX_MS = 200;

function fittingClip(d: Draft): Clip | undefined {
  return d.s.clips.find(
    ({ kind, clip, ms, affirmative }) =>
      kind === 'reflex' &&
      (ms ?? 0) <= LONGEST_REFLEX_MS &&
      clip !== d.s.lastReflex &&
      !(affirmative === true && d.s.asked),
  );
}

/** At the commit. */
export function armReflex(d: Draft): void {
  const { config, s } = d;
  const late = s.expectedMs === null || s.expectedMs > config.PREEMPT_THRESHOLD_MS;
  if (!config.LANE_A_ENABLED || !late || s.device.is !== 'audible' || s.owner !== 'none') return;
  if (someoneSpeaks(s) || fittingClip(d) === undefined) return;
  s.reflex = { is: 'armed', at: d.t + config.MIN_DELAY_BEFORE_REFLEX_MS };
  arm(d, 'reflex', config.MIN_DELAY_BEFORE_REFLEX_MS);
}

export function disarmReflex(d: Draft): void {
  if (d.s.reflex.is !== 'armed') return;
  d.s.reflex = { is: 'off' };
  disarm(d, 'reflex');
}

/** B's words are here: its sound is near, if it was expected near. */
export function wordsArrived(d: Draft): void {
  const { turn, expectedMs } = d.s;
  if (turn.is !== 'open' || expectedMs === null) return;
  if (turn.committedAt + expectedMs - d.t < TOO_LATE_FOR_REFLEX_MS) disarmReflex(d);
}

export function reflexDue(d: Draft): void {
  const clip = fittingClip(d);
  const { s } = d;
  const fits = s.device.is === 'audible' && !someoneSpeaks(s);
  if (clip === undefined || !fits) {
    s.reflex = { is: 'off' };
    return;
  }
  s.reflex = { is: 'playing', clip: clip.clip };
  s.lastReflex = clip.clip;
  s.gate = { is: 'open' };
  changeOwner(d, 'A', 'reflex');
  d.effects.push({ type: 'gate.open', epoch: s.epoch, lane: 'A' });
  d.effects.push({ type: 'clip.play', epoch: s.epoch, lane: 'A', clip: clip.clip });
  arm(d, 'cap', d.config.MAX_REFLEX_DURATION_MS);
}

/** A played for as long as it may: the clip stops and the owner becomes none. */
export function capDue(d: Draft): void {
  closeReflex(d, 'cap');
}
