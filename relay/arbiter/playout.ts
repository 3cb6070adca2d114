/** Rules 3, 9 and 10: B's way to the ear, and how the relay knows that it has been heard. */
import {
  activeId,
  admitEffect,
  audit,
  bury,
  changeOwner,
  disarm,
  type Draft,
  type Handled,
  heardIds,
  setItem,
  setResponse,
  userIsSilent,
} from './draft.ts';
import { playControl } from './control.ts';
import { closeReflex, endTurn } from './kill.ts';
import type { Item, ResponseInfo, State } from './state.ts';
import type { ArbiterEvent, Cause } from './vocabulary.ts';

type Of<T extends ArbiterEvent['type']> = Extract<ArbiterEvent, { type: T }>;

/** A suspended output freezes the end of playout for at most this long. */
const LONGEST_FREEZE_MS = 60_000;

function infosHeard(s: State): ResponseInfo[] {
  return heardIds(s).flatMap((id) => s.responses[id] ?? []);
}

/** Nothing more will come of what is heard. */
function allReceived(s: State): boolean {
  return infosHeard(s).every((info) => info.generated === true || info.ended !== undefined);
}

export function liveItems(s: State): Item[] {
  const ids = heardIds(s);
  return s.items.filter((item) => ids.includes(item.response));
}

function unplayedMs(s: State): number {
  return liveItems(s).reduce((sum, item) => sum + Math.max(0, item.receivedMs - item.playedMs), 0);
}

/** From generated, done, loss or admission on, the end of playout is expected. */
export function armDrain(d: Draft): void {
  const { s, t } = d;
  if (s.owner !== 'B' || s.gate.is === 'paused' || !allReceived(s)) return;
  const restMs = unplayedMs(s) + d.config.DRAIN_SLACK_MS;
  if (s.device.is === 'suspended') {
    s.deadlines.drain = Math.max(t, s.device.since + LONGEST_FREEZE_MS) + restMs;
    s.frozen = { ...s.frozen, drain: restMs };
  } else s.deadlines.drain = t + restMs;
}

/** While the gate is paused nothing plays, so nothing ends. */
export function freeze(d: Draft): void {
  const { deadlines } = d.s;
  const { drain: _drain, ...frozen } = d.s.frozen;
  d.s.frozen = frozen;
  disarm(d, 'drain');
  if (deadlines.clip !== undefined) {
    d.s.frozen = { ...frozen, clip: frozen.clip ?? deadlines.clip - d.t };
    disarm(d, 'clip');
  }
}

/** The pause was for nothing. */
export function resume(d: Draft): void {
  const { s } = d;
  s.gate = { is: 'open' };
  d.effects.push({ type: 'gate.resume', epoch: s.epoch, rewindMs: d.config.RESUME_REWIND_MS });
  disarm(d, 'decide');
  if (s.heard.is === 'playing') s.heard = { ...s.heard, resumes: s.heard.resumes + 1 };
  if (s.control.is === 'playing') s.control = { ...s.control, resumes: s.control.resumes + 1 };
  armDrain(d);
  const rest = s.frozen.clip;
  if (rest === undefined) return;
  if (s.device.is === 'suspended') s.deadlines.clip = Math.max(d.t, s.device.since + LONGEST_FREEZE_MS) + rest;
  else {
    s.deadlines.clip = d.t + rest;
    const { clip: _clip, ...others } = s.frozen;
    s.frozen = others;
  }
}

export function onDeviceSuspended(d: Draft): Handled {
  const { s, t } = d;
  if (s.device.is === 'suspended') return undefined;
  s.device = { is: 'suspended', since: t };
  for (const name of ['drain', 'clip'] as const) {
    const at = s.deadlines[name];
    if (at === undefined) continue;
    s.frozen = { ...s.frozen, [name]: at - t };
    s.deadlines[name] = at + LONGEST_FREEZE_MS;
  }
  return undefined;
}

export function onDeviceResumed(d: Draft): Handled {
  const { s, t } = d;
  s.device = { is: 'audible' };
  if (s.gate.is === 'paused') return undefined;
  for (const name of ['drain', 'clip'] as const) {
    const rest = s.frozen[name];
    if (rest !== undefined && s.deadlines[name] !== undefined)
      s.deadlines[name] = Math.min(s.deadlines[name], t + rest);
  }
  s.frozen = {};
  return undefined;
}

/** Strict: cleared past the start of its first audible frame. */
function isClear(d: Draft, id: string): boolean {
  if (d.config.POLICY_MODE !== 'strict') return true;
  const info = d.s.responses[id];
  return info?.audibleFromMs !== undefined && (d.s.policy[id] ?? 0) > info.audibleFromMs;
}

/** Gives B the floor in the step in which everything allows it. */
export function admitWhenDue(d: Draft): void {
  if (d.s.owner === 'C' || !userIsSilent(d.s)) return;
  for (const response of heardIds(d.s)) {
    if (d.s.responses[response]?.admitted) continue;
    if (!isClear(d, response)) return;
    admit(d, response);
  }
}

function admit(d: Draft, response: string): void {
  setResponse(d, response, { admitted: true });
  // The answer after a tool goes on where the words before it still play.
  if (d.s.owner !== 'B') takeFloor(d);
  admitEffect(d, response);
  armDrain(d);
}

function takeFloor(d: Draft): void {
  if (d.s.heard.is !== 'none') d.s.heard = { ...d.s.heard, is: 'playing' };
  d.s.handoverAt = d.s.owner === 'A' ? d.t : null;
  if (d.s.reflex.is === 'playing') d.s.reflex = { is: 'spent' };
  disarm(d, 'cap');
  d.s.gate = { is: 'open' };
  changeOwner(d, 'B', 'b_audible');
  d.effects.push({ type: 'gate.open', epoch: d.s.epoch, lane: 'B' });
}

export function onPlayout(d: Draft, event: Of<'playout'>): Handled {
  if (event.epoch !== d.s.epoch) return 'stale';
  const item = liveItems(d.s).find(({ id }) => id === event.item);
  if (item === undefined) return 'stale';
  setItem(d, item.id, { playedMs: Number.isFinite(event.playedMs) ? event.playedMs : 0 });
  armDrain(d);
  return undefined;
}

export function onDrained(d: Draft, event: Of<'playout.drained'>): Handled {
  const { s } = d;
  if (event.epoch !== s.epoch || s.owner !== 'B') return 'stale';
  if (event.item !== undefined && liveItems(s).at(-1)?.id !== event.item) return 'stale';
  if (s.gate.is !== 'open' || !allReceived(s)) return undefined;
  drained(d, 'drained');
  return undefined;
}

/** All that was heard has been played: the floor is free, the memory is whole. */
export function drained(d: Draft, cause: Cause): void {
  const { s } = d;
  const ids = heardIds(s);
  s.askedAt = s.heard.is === 'playing' && s.heard.question === true ? d.t : null;
  const lost = infosHeard(s).some((info) => info.ended === 'lost' && info.generated !== true);
  for (const id of ids) setResponse(d, id, { drained: true });
  s.items = s.items.map((item) => (ids.includes(item.response) ? { ...item, fate: 'heard' } : item));
  s.heard = { is: 'none' };
  s.idleOwed = true;
  disarm(d, 'drain', 'policy');
  s.frozen = {};
  changeOwner(d, 'none', cause);
  const active = activeId(s);
  bury(
    d,
    ids.filter((id) => id !== active),
  );
  if (lost && s.turn.is === 'open') s.turn = { ...s.turn, result: 'failed' };
  concludeTurn(d, cause);
}

/** Gives the open turn its outcome once nothing of it is left to come or to play. */
export function concludeTurn(d: Draft, cause: Cause): void {
  const { turn, heard, tools } = d.s;
  // A result is there as soon as the response is over, and gone as soon as the next is asked for.
  if (turn.is !== 'open' || turn.result === undefined) return;
  if (heard.is !== 'none' || turn.requestDue === true || Object.keys(tools).length > 0) return;
  const wantsFallback = turn.fallbackDue === true && d.s.owner !== 'C' && userIsSilent(d.s);
  const fallback = wantsFallback ? d.s.clips.find(({ kind }) => kind === 'fallback') : undefined;
  const { result } = turn;
  const reflexPlays = d.s.owner === 'A';
  endTurn(d, result);
  if (fallback !== undefined) {
    playControl(d, fallback, 'fallback');
    return;
  }
  if (reflexPlays) closeReflex(d, cause);
  else if (turn.audible !== true) audit(d, cause);
}
