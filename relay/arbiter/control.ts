/** Lane C and rule 11: policy's verdicts, and the clips that speak in the model's place. */
import {
  admitEffect,
  arm,
  audit,
  changeOwner,
  closeGate,
  disarm,
  type Draft,
  type Handled,
  heardIds,
  isCurrent,
  isHeard,
  userIsSilent,
} from './draft.ts';
import { kill } from './kill.ts';
import type { Clip } from './state.ts';
import type { ArbiterEvent, Cause, ClipKind } from './vocabulary.ts';

type Of<T extends ArbiterEvent['type']> = Extract<ArbiterEvent, { type: T }>;

const CLIP_OF_UNKNOWN_LENGTH_MS = 10_000;
const MOST_CLIPS = 64;

export function onClipReady(d: Draft, event: Of<'clip.ready'>): Handled {
  const { t: _t, type: _type, ...clip } = event;
  const at = d.s.clips.findIndex(({ clip: id }) => id === clip.clip);
  if (at >= 0) d.s.clips = d.s.clips.with(at, clip);
  else d.s.clips = [...d.s.clips, clip].slice(-MOST_CLIPS);
  return undefined;
}

export function clipOf(d: Draft, kind: ClipKind): Clip | undefined {
  return d.s.clips.find((clip) => clip.kind === kind);
}

/** Owner C, from whatever it was, in one change. A reflex that still plays is closed first. */
export function playControl(d: Draft, clip: Clip, cause: Cause): void {
  if (d.s.owner === 'A' && d.s.gate.is !== 'closed') {
    closeGate(d);
    disarm(d, 'cap');
  }
  d.s.control = { is: 'playing', clip: clip.clip, kind: clip.kind, resumes: 0 };
  d.s.gate = { is: 'open' };
  changeOwner(d, 'C', cause);
  d.effects.push({ type: 'gate.open', epoch: d.s.epoch, lane: 'C' });
  d.effects.push({ type: 'clip.play', epoch: d.s.epoch, lane: 'C', clip: clip.clip });
  arm(d, 'clip', (clip.ms ?? CLIP_OF_UNKNOWN_LENGTH_MS) + d.config.DRAIN_SLACK_MS);
  if (d.s.device.is === 'suspended') {
    d.s.frozen = { ...d.s.frozen, clip: (d.s.deadlines.clip ?? d.t) - d.t };
    arm(d, 'clip', 60_000 + (d.s.frozen.clip ?? 0));
  }
}

export function onClipEnded(d: Draft, event: Of<'clip.ended'>): Handled {
  const { s } = d;
  if (event.epoch !== s.epoch) return 'stale';
  if (s.reflex.is === 'playing') {
    if (event.clip !== undefined && event.clip !== s.reflex.clip) return 'stale';
    s.reflex = { is: 'spent' };
    disarm(d, 'cap');
    changeOwner(d, 'none', 'clip_ended');
    return undefined;
  }
  if (s.control.is === 'playing') {
    if (event.clip !== undefined && event.clip !== s.control.clip) return 'stale';
    if (s.gate.is === 'paused') return undefined;
    endControl(d, 'clip_ended');
    return undefined;
  }
  return 'stale';
}

function endControl(d: Draft, cause: Cause): void {
  d.s.control = { is: 'none' };
  d.s.frozen = {};
  disarm(d, 'clip');
  changeOwner(d, 'none', cause);
}

/** The widget never said that the clip ended. */
export function clipDue(d: Draft): void {
  endControl(d, 'clip_timeout');
}

export function onCleared(d: Draft, event: Of<'policy.cleared'>): Handled {
  const { response } = event;
  if (!isCurrent(d.s, response)) return 'stale';
  const cleared = Math.max(d.s.policy[response] ?? 0, Number.isFinite(event.upToMs) ? event.upToMs : 0);
  d.s.policy = { ...d.s.policy, [response]: cleared };
  if (d.config.POLICY_MODE !== 'strict') return undefined;
  if (isHeard(d.s, response) && d.s.responses[response]?.admitted) admitEffect(d, response);
  disarm(d, 'policy');
  awaitPolicy(d);
  return undefined;
}

/** Strict: policy's time runs while something received is not cleared, and no longer. */
export function awaitPolicy(d: Draft): void {
  if (d.config.POLICY_MODE !== 'strict') return;
  const uncleared = Object.entries(d.s.responses).some(
    ([id, { receivedMs }]) => isCurrent(d.s, id) && receivedMs > (d.s.policy[id] ?? 0),
  );
  if (!uncleared) disarm(d, 'policy');
  else if (d.s.deadlines.policy === undefined) arm(d, 'policy', d.config.POLICY_BUDGET_MS);
}

export function onBlocked(d: Draft, event: Of<'policy.blocked'>): Handled {
  const { response, reason } = event;
  if (!isCurrent(d.s, response)) {
    audit(d, 'policy', { response, reason });
    return undefined;
  }
  refuse(d, 'policy');
  return undefined;
}

/** The answer may not be heard: C speaks instead, now or when the user ends. */
function refuse(d: Draft, cause: 'policy' | 'policy_timeout'): void {
  if (d.s.owner === 'C') {
    // C speaks already and may not be interrupted: what it says stands for this answer too.
    kill(d, { cause, outcome: 'refused', keepControl: true });
    return;
  }
  const clip = clipOf(d, 'refusal');
  const now = userIsSilent(d.s);
  if (clip !== undefined && now) {
    kill(d, { cause, outcome: 'refused', ownerFollows: true });
    playControl(d, clip, cause);
    return;
  }
  kill(d, { cause, outcome: 'refused' });
  if (clip !== undefined) d.s.control = { is: 'waiting', kind: 'refusal', cause };
}

export function policyDue(d: Draft): void {
  if (d.config.POLICY_ON_TIMEOUT === 'closed') {
    refuse(d, 'policy_timeout');
    return;
  }
  audit(d, 'policy_timeout');
  d.s.policy = Object.fromEntries(
    Object.entries(d.s.responses).map(([id, { receivedMs }]) => [id, Math.max(d.s.policy[id] ?? 0, receivedMs)]),
  );
  for (const id of heardIds(d.s)) if (d.s.responses[id]?.admitted) admitEffect(d, id);
}

/** A refusal that waited for the user to end. */
export function playWaiting(d: Draft): void {
  const { control: waiting } = d.s;
  if (waiting.is !== 'waiting' || !userIsSilent(d.s)) return;
  const clip = clipOf(d, waiting.kind);
  d.s.control = { is: 'none' };
  if (clip !== undefined) playControl(d, clip, waiting.cause);
}

/** Nothing is said, asked or under way: A, B and tools are of an open turn. */
function isIdle(d: Draft): boolean {
  return d.s.turn.is !== 'open' && d.s.control.is === 'none' && userIsSilent(d.s);
}

/** Counts from the end of B's playout, and again after anything happened in between. */
export function tendIdlePrompt(d: Draft): void {
  const due = d.config.IDLE_PROMPT_MS > 0 && d.s.idleOwed && isIdle(d);
  if (!due) disarm(d, 'idle');
  else if (d.s.deadlines.idle === undefined) arm(d, 'idle', d.config.IDLE_PROMPT_MS);
}

export function idleDue(d: Draft): void {
  const clip = clipOf(d, 'idle');
  d.s.idleOwed = false;
  if (clip !== undefined && isIdle(d)) playControl(d, clip, 'idle');
}
