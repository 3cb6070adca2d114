/**
 * One conversation as spans: a pure fold over what was seen of it, which says what begins and what
 * ends, and when. A turn is known when it is committed, so its span and those of the speech before
 * begin in the past. Nothing here knows how spans are exported, and no attribute is anybody's words.
 */
import type { ArbiterEvent, Effect, Lane, Owner, State } from '#arbiter';
import { isTaken, killCause } from './measure.ts';
import type { Seen } from './seen.ts';

export type SpanName = 'session' | 'turn' | 'user_speech' | 'eot' | 'lane.a' | 'lane.b' | 'lane.c' | 'barge_in';
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** `key` names a span within its conversation; that of the conversation itself is 0. Times in milliseconds. */
export type SpanOp =
  | { is: 'start'; key: number; parent: number | null; name: SpanName; at: number; attributes: Attributes }
  | { is: 'end'; key: number; at: number; attributes: Attributes; isError: boolean };

interface OpenTurn {
  readonly key: number;
  readonly id: string;
  readonly at: number;
  readonly outcome: string | null;
}

export interface SpanMemory {
  readonly nextKey: number;
  /** Speech that no turn was made of yet. */
  readonly speech: { readonly since: number; readonly until: number | null } | null;
  readonly turn: OpenTurn | null;
  readonly lanes: Readonly<Record<Lane, number | null>>;
  /** When B was first heard in this turn. */
  readonly heardAt: number | null;
  readonly bargeIn: number | null;
  readonly owner: Owner;
  readonly turns: number;
}

export const NO_SPANS: SpanMemory = {
  nextKey: 0,
  speech: null,
  turn: null,
  lanes: { A: null, B: null, C: null },
  heardAt: null,
  bargeIn: null,
  owner: 'none',
  turns: 0,
};

const LANE_SPAN = { A: 'lane.a', B: 'lane.b', C: 'lane.c' } as const;
const SESSION = 0;
/** Close codes that say that something failed. */
const FAILED: ReadonlySet<number> = new Set([4008]);

/** The memory in the making, and what it said to do. */
interface Draft {
  m: SpanMemory;
  ops: SpanOp[];
  at: number;
}

export function spans(memory: SpanMemory, seen: Seen): { memory: SpanMemory; ops: readonly SpanOp[] } {
  const d: Draft = { m: memory, ops: [], at: seen.at };
  if (seen.is === 'opened') begin(d, 'session', null, seen.at, {});
  else if (seen.is === 'step') step(d, seen.event, seen.effects, seen.before);
  else if (seen.is === 'ended') {
    closeTurn(d);
    end(d, SESSION, { 'vjj.close_code': seen.code, 'vjj.turns': d.m.turns }, FAILED.has(seen.code));
  }
  return { memory: d.m, ops: d.ops };
}

function begin(d: Draft, name: SpanName, parent: number | null, at: number, attributes: Attributes): number {
  const key = d.m.nextKey;
  d.m = { ...d.m, nextKey: key + 1 };
  d.ops.push({ is: 'start', key, parent, name, at, attributes });
  return key;
}

function end(d: Draft, key: number, attributes: Attributes, isError = false, at = d.at): void {
  d.ops.push({ is: 'end', key, at, attributes, isError });
}

function step(d: Draft, event: ArbiterEvent, effects: readonly Effect[], before: State): void {
  listen(d, event, before);
  for (const effect of effects) {
    if (effect.type === 'owner.changed') changeOwner(d, effect.from, effect.to, effect.cause);
    else if (effect.type === 'gate.pause') pause(d, event);
    else if (effect.type === 'gate.resume') endBargeIn(d, { 'vjj.outcome': 'resumed' });
    else if (effect.type === 'turn.outcome') outcome(d, effect.turn, effect.outcome);
  }
  if (effects.some(({ type }) => type === 'gate.close')) {
    endBargeIn(d, { 'vjj.outcome': 'stopped', 'vjj.cause': killCause(effects) ?? event.type });
  }
  if ((event.type === 'turn.committed' || event.type === 'user.text') && isTaken(event, effects)) {
    commit(d, event);
    // What ended with it is another's; its own end can be in the same step, too.
    const own = effects.find((effect) => effect.type === 'turn.outcome' && effect.turn === event.turn);
    if (own?.type === 'turn.outcome') outcome(d, own.turn, own.outcome);
  }
  for (const effect of effects) if (effect.type === 'clip.play') playClip(d, effect.lane);
  if (d.m.turn !== null && d.m.turn.outcome !== null && d.m.owner === 'none') closeTurn(d);
}

/** What the user says, until a turn is made of it. */
function listen(d: Draft, event: ArbiterEvent, before: State): void {
  const { speech } = d.m;
  if (event.type === 'user.onset') {
    const goesOn = speech !== null && (before.floor.is === 'user' || before.floor.is === 'deciding');
    d.m = { ...d.m, speech: { since: goesOn ? speech.since : d.at, until: null } };
  } else if (event.type === 'user.offset' && speech !== null) {
    d.m = { ...d.m, speech: { ...speech, until: d.at } };
  } else if (event.type === 'turn.dropped' && speech !== null && speech.until !== null) d.m = { ...d.m, speech: null };
}

function commit(d: Draft, event: Extract<ArbiterEvent, { type: 'turn.committed' | 'user.text' }>): void {
  closeTurn(d);
  // Typed turns and those of the relay's own have no speech.
  const isSpoken = event.type === 'turn.committed' && event.utterances?.length !== 0;
  const speech = isSpoken ? d.m.speech : null;
  const since = speech?.since ?? d.at;
  const key = begin(d, 'turn', SESSION, since, {
    'vjj.turn': event.turn,
    'vjj.source': event.type === 'user.text' ? 'text' : isSpoken ? 'speech' : 'relay',
  });
  if (speech !== null) {
    const until = speech.until ?? d.at;
    end(d, begin(d, 'user_speech', key, since, {}), {}, false, until);
    end(d, begin(d, 'eot', key, until, {}), {});
  }
  d.m = {
    ...d.m,
    ...(isSpoken && { speech: null }),
    turn: { key, id: event.turn, at: d.at, outcome: null },
    heardAt: null,
    turns: d.m.turns + 1,
  };
  beginLane(d, 'B');
}

function beginLane(d: Draft, lane: Lane): void {
  if (d.m.lanes[lane] !== null) return;
  const key = begin(d, LANE_SPAN[lane], d.m.turn?.key ?? SESSION, d.at, {});
  d.m = { ...d.m, lanes: { ...d.m.lanes, [lane]: key } };
}

function endLane(d: Draft, lane: Lane, attributes: Attributes): void {
  const key = d.m.lanes[lane];
  if (key === null) return;
  const { turn, heardAt } = d.m;
  const first = lane === 'B' && heardAt !== null && turn !== null ? { 'vjj.first_audible_ms': heardAt - turn.at } : {};
  end(d, key, { ...first, ...attributes });
  d.m = { ...d.m, lanes: { ...d.m.lanes, [lane]: null } };
}

function changeOwner(d: Draft, from: Owner, to: Owner, cause: string): void {
  d.m = { ...d.m, owner: to };
  if (from !== 'none') endLane(d, from, { 'vjj.cause': cause });
  if (to !== 'B') return;
  beginLane(d, 'B');
  d.m = { ...d.m, heardAt: d.m.heardAt ?? d.at };
}

/** A lane that has the output already plays another clip, or the one that comes now is its first. */
function playClip(d: Draft, lane: Lane): void {
  if (d.m.owner === lane) beginLane(d, lane);
}

function pause(d: Draft, event: ArbiterEvent): void {
  if (d.m.bargeIn !== null) return;
  const source = event.type === 'user.onset' ? { 'vjj.source': event.source } : {};
  const key = begin(d, 'barge_in', d.m.turn?.key ?? SESSION, d.at, source);
  d.m = { ...d.m, bargeIn: key };
}

function endBargeIn(d: Draft, attributes: Attributes): void {
  if (d.m.bargeIn === null) return;
  end(d, d.m.bargeIn, attributes);
  d.m = { ...d.m, bargeIn: null };
}

function outcome(d: Draft, turn: string, how: string): void {
  if (d.m.turn?.id !== turn) return;
  d.m = { ...d.m, turn: { ...d.m.turn, outcome: how } };
  if (d.m.owner !== 'B') endLane(d, 'B', {});
}

/** Ends the turn with everything in it. */
function closeTurn(d: Draft): void {
  for (const lane of ['A', 'B', 'C'] as const) endLane(d, lane, {});
  endBargeIn(d, {});
  const { turn } = d.m;
  if (turn === null) return;
  end(d, turn.key, turn.outcome === null ? {} : { 'vjj.outcome': turn.outcome }, turn.outcome === 'failed');
  d.m = { ...d.m, turn: null };
}
