/**
 * One step in the making: a shallow copy of the state whose regions are replaced, never written
 * into, and the effects so far. Small questions about the state that several rules ask are here too.
 */
import type { DeadlineName, Item, ResponseInfo, State, Utterance } from './state.ts';
import type { ArbiterConfig, ArbiterEvent, Cause, Effect, Owner } from './vocabulary.ts';

/** The order of effects within one step. */
const RANK: Record<Effect['type'], number> = {
  'gate.close': 0,
  'gate.pause': 1,
  'gate.resume': 2,
  'response.cancel': 3,
  'item.truncate': 4,
  'item.delete': 5,
  'input.clear': 6,
  'owner.changed': 7,
  audit: 8,
  'turn.outcome': 9,
  'gate.open': 10,
  'lane.admit': 11,
  'clip.play': 12,
  'response.create': 13,
  metric: 14,
  stale: 15,
};

/** Items whose fate is decided are kept for those who look, this many. */
const MOST_SETTLED = 16;
/** How many ids that are over are remembered, each kind. */
const RING = 64;

export interface Draft {
  s: State;
  readonly t: number;
  readonly config: ArbiterConfig;
  readonly effects: Effect[];
}

/** What an event handler answers: nothing, or that the event is late and changes nothing. */
export type Handled = 'stale' | undefined;

export function begin(state: State, t: number, config: ArbiterConfig): Draft {
  return { s: { ...state, deadlines: { ...state.deadlines } }, t, config, effects: [] };
}

/** The effects of one step, in the documented order; equal kinds keep the order in which they were given. */
export function inOrder(effects: Effect[]): Effect[] {
  return effects.sort((a, b) => RANK[a.type] - RANK[b.type]);
}

export function staleEffect(event: ArbiterEvent): Effect {
  return { type: 'stale', event: event.type };
}

/** Adds to a ring, once. */
export function remember(ring: string[], id: string): string[] {
  return ring.includes(id) ? ring : [...ring, id].slice(-RING);
}

export function arm(d: Draft, name: DeadlineName, afterMs: number): void {
  d.s.deadlines[name] = d.t + afterMs;
}

export function disarm(d: Draft, ...names: DeadlineName[]): void {
  for (const name of names) delete d.s.deadlines[name];
}

/** Has not ended and is not ruled backchannel or noise. */
export function speaks(utterance: Utterance): boolean {
  return utterance.ended === undefined && utterance.verdict !== 'backchannel' && utterance.verdict !== 'noise';
}

export function someoneSpeaks(s: State): boolean {
  return Object.values(s.speaking).some(speaks);
}

/** An end-of-turn decision is open. */
export function decisionOpen(s: State): boolean {
  return s.deadlines.turn !== undefined;
}

/** Neither speaking nor undecided. */
export function userIsSilent(s: State): boolean {
  return !decisionOpen(s) && !someoneSpeaks(s);
}

/** The id of the slot's response while it is not being cancelled. */
export function activeId(s: State): string | undefined {
  const slot = s.response;
  return slot.is === 'created' || slot.is === 'streaming' || slot.is === 'generated' ? slot.id : undefined;
}

/** In the slot and not cancelling, held, or heard. */
export function isCurrent(s: State, response: string): boolean {
  return activeId(s) === response || isHeard(s, response);
}

export function isHeard(s: State, response: string): boolean {
  return heardIds(s).includes(response);
}

/** Ids of what is held or heard, in order of arrival. */
export function heardIds(s: State): string[] {
  if (s.heard.is === 'none') return [];
  return [...(s.heard.earlier ?? []), s.heard.response];
}

export function setResponse(d: Draft, id: string, change: Partial<ResponseInfo>): void {
  const info = d.s.responses[id];
  if (info !== undefined) d.s.responses = { ...d.s.responses, [id]: { ...info, ...change } };
}

export function setItem(d: Draft, id: string, change: Partial<Item>): void {
  d.s.items = d.s.items.map((item) => (item.id === id ? { ...item, ...change } : item));
}

/** No event of these responses counts any more. */
export function bury(d: Draft, ids: string[]): void {
  let { responses: dead } = d.s.past;
  const responses = { ...d.s.responses };
  const policy = { ...d.s.policy };
  for (const id of ids) {
    dead = remember(dead, id);
    delete responses[id];
    delete policy[id];
  }
  d.s.past = { ...d.s.past, responses: dead };
  d.s.responses = responses;
  d.s.policy = policy;
  const left = d.s.items.length - MOST_SETTLED;
  d.s.items = d.s.items.filter((item, at) => responses[item.response] !== undefined || at >= left);
}

export function audit(d: Draft, cause: Cause, fields: Record<string, unknown> = {}): void {
  d.effects.push({ type: 'audit', cause, ...fields });
}

/** Every change of owner has one audit record with the same cause. */
export function changeOwner(d: Draft, to: Owner, cause: Cause): void {
  const from = d.s.owner;
  if (from === 'none') d.s.ownedSince = d.t;
  d.s.owner = to;
  d.effects.push({ type: 'owner.changed', from, to, cause });
  audit(d, cause, { from, to });
}

export function closeGate(d: Draft, epoch = d.s.epoch + 1): void {
  d.s.epoch = epoch;
  d.s.gate = { is: 'closed' };
  d.s.frozen = {};
  d.s.handoverAt = null;
  disarm(d, 'decide');
  d.effects.push({ type: 'gate.close', epoch, rampMs: d.config.TRANSITION_GAP_MS });
}

/** Lets a response's sound through, in strict mode up to what policy cleared. */
export function admitEffect(d: Draft, response: string): void {
  const { epoch } = d.s;
  if (d.config.POLICY_MODE === 'strict') {
    d.effects.push({ type: 'lane.admit', response, epoch, upToMs: d.s.policy[response] ?? 0 });
  } else d.effects.push({ type: 'lane.admit', response, epoch });
}
