/**
 * What must hold after every step, whatever the events were: the invariants of the arbiter as
 * functions of one step and of what was seen before it. Written from the outside (events and
 * effects) where that is possible, so that a wrong region cannot vouch for itself.
 */
import { DEADLINES, nextDeadline, type DeadlineName, type State } from './state.ts';
import type { ArbiterConfig, ArbiterEvent, Effect, Owner } from './vocabulary.ts';

/** What an observer remembers of a session; plain JSON, replaced and never written into. */
export interface History {
  cancelled: string[];
  /** Items whose fate was told to the provider. */
  settled: string[];
  /** Committed or typed turns, and whether their outcome was given. */
  turns: Record<string, 'open' | 'over'>;
  /** Turns that had a reflex. */
  reflexes: string[];
  /** Turns in which B was audible. */
  audible: string[];
  /** Milliseconds per response. */
  received: Record<string, number>;
  cleared: Record<string, number>;
  items: Record<string, { received: number; played: number }>;
}

export interface Observation {
  before: State;
  event: ArbiterEvent;
  effects: readonly Effect[];
  after: State;
  config: ArbiterConfig;
}

export const noHistory: History = {
  ...{ cancelled: [], settled: [], turns: {}, reflexes: [], audible: [] },
  ...{ received: {}, cleared: {}, items: {} },
};

const ORDER: readonly Effect['type'][] = [
  ...(['gate.close', 'gate.pause', 'gate.resume', 'response.cancel', 'item.truncate', 'item.delete'] as const),
  ...(['input.clear', 'owner.changed', 'audit', 'turn.outcome', 'gate.open', 'lane.admit'] as const),
  ...(['clip.play', 'response.create', 'metric', 'stale'] as const),
];

/** Entries that any list or map of a state may have. */
const MOST_ENTRIES = 100;

type Of<T extends Effect['type']> = Extract<Effect, { type: T }>;
const only = <T extends Effect['type']>(effects: readonly Effect[], type: T): Of<T>[] =>
  effects.filter((effect): effect is Of<T> => effect.type === type);
const isStale = (effects: readonly Effect[]) => effects.some(({ type }) => type === 'stale');

/** Somebody has not ended and is not ruled backchannel or noise. */
export function userSpeaks({ speaking }: State): boolean {
  return Object.values(speaking).some(
    ({ ended, verdict }) => ended === undefined && verdict !== 'backchannel' && verdict !== 'noise',
  );
}

/** Nothing is heard, said, asked or waited for: the session listens, or is over. */
export function isListening(state: State): boolean {
  if (state.ended) return true;
  const { owner, heard, response, queued, turn, gate, floor, reflex, control, tools } = state;
  return (
    owner === 'none' &&
    heard.is === 'none' &&
    response.is === 'none' &&
    queued === null &&
    turn.is !== 'open' &&
    gate.is !== 'paused' &&
    floor.is === 'idle' &&
    reflex.is !== 'playing' &&
    control.is === 'none' &&
    Object.keys(tools).length === 0
  );
}

/** What the observer knows after a step. */
export function remember(history: History, { event, effects, after, before, config }: Observation): History {
  const next = { ...history };
  if (!isStale(effects)) hear(next, event, before, after);
  for (const { response } of only(effects, 'response.cancel')) next.cancelled = [...next.cancelled, response];
  for (const { item } of [...only(effects, 'item.truncate'), ...only(effects, 'item.delete')]) {
    next.settled = [...next.settled, item];
  }
  for (const { turn } of only(effects, 'turn.outcome')) next.turns = { ...next.turns, [turn]: 'over' };
  const turn = before.turn.is === 'open' ? before.turn.id : null;
  if (turn !== null && only(effects, 'clip.play').some(({ lane }) => lane === 'A')) {
    next.reflexes = [...next.reflexes, turn];
  }
  // An open policy says nothing and means yes to what it was shown.
  const gaveIn =
    config.POLICY_ON_TIMEOUT === 'open' && effects.some((e) => 'cause' in e && e.cause === 'policy_timeout');
  if (gaveIn) {
    next.cleared = { ...next.cleared };
    for (const [id, ms] of Object.entries(next.received)) next.cleared[id] = Math.max(next.cleared[id] ?? 0, ms);
  }
  return next;
}

function hear(next: History, event: ArbiterEvent, before: State, after: State): void {
  switch (event.type) {
    case 'turn.committed':
    case 'user.text':
      if (after.turn.is === 'open' && after.turn.id === event.turn)
        next.turns = { ...next.turns, [event.turn]: 'open' };
      return;
    case 'response.audio': {
      const { response, item, ms, audible } = event;
      const known = next.items[item] ?? { received: 0, played: 0 };
      next.received = { ...next.received, [response]: (next.received[response] ?? 0) + ms };
      next.items = { ...next.items, [item]: { ...known, received: known.received + ms } };
      const turn = before.responses[response]?.turn;
      if (audible && turn !== undefined && !next.audible.includes(turn)) next.audible = [...next.audible, turn];
      return;
    }
    case 'playout':
      next.items = {
        ...next.items,
        [event.item]: { received: next.items[event.item]?.received ?? 0, played: event.playedMs },
      };
      return;
    case 'policy.cleared':
      next.cleared = {
        ...next.cleared,
        [event.response]: Math.max(next.cleared[event.response] ?? 0, event.upToMs),
      };
      return;
    default:
      return;
  }
}

type Invariant = (seen: Observation, history: History, now: History) => string | undefined;

/** Follows owner and epoch through the effects of a step. */
function oneVoice({ before, effects, after }: Observation): string | undefined {
  let owner: Owner = before.owner;
  let { epoch } = before;
  for (const effect of effects) {
    switch (effect.type) {
      case 'gate.close':
        if (effect.epoch <= epoch) return `a close does not move the epoch on from ${epoch}`;
        epoch = effect.epoch;
        break;
      case 'owner.changed':
        if (effect.from !== owner || effect.to === owner)
          return `owner ${owner} cannot change ${effect.from}→${effect.to}`;
        owner = effect.to;
        break;
      case 'gate.pause':
      case 'gate.resume':
        if (effect.epoch !== epoch || owner === 'none' || owner === 'A')
          return `${effect.type} of nothing that is heard`;
        break;
      case 'gate.open':
      case 'clip.play':
        if (effect.epoch !== epoch || effect.lane !== owner) return `${effect.type} for ${effect.lane}, owner ${owner}`;
        break;
      case 'lane.admit':
        if (effect.epoch !== epoch || owner !== 'B') return `lane.admit in epoch ${effect.epoch}, owner ${owner}`;
        break;
      default:
        break;
    }
  }
  if (owner !== after.owner || epoch !== after.epoch) return 'owner or epoch changed without an effect';
  if (after.owner !== 'none' && after.gate.is === 'closed') return `owner ${after.owner} behind a closed gate`;
  if (after.gate.is === 'paused' && after.owner !== 'B' && after.owner !== 'C') return 'paused with nothing to hold';
  return undefined;
}

function userWins({ effects, after, config }: Observation): string | undefined {
  const byUser = ['interrupt', 'decide', 'text', 'commit', 'onset'];
  const byPolicy = ['policy', 'policy_timeout'];
  for (const { to, cause } of only(effects, 'owner.changed')) {
    if (byUser.includes(cause) && to !== 'none') return `${cause} gives the floor to ${to}`;
    if (byPolicy.includes(cause) && to !== 'none' && to !== 'C') return `${cause} gives the floor to ${to}`;
  }
  const superseded = only(effects, 'turn.outcome').some(({ outcome }) => outcome === 'superseded');
  const mayStay = config.REFUSAL_UNINTERRUPTIBLE && after.owner === 'C';
  if (superseded && after.owner !== 'none' && !mayStay) return `superseded, and ${after.owner} has the floor`;
  return undefined;
}

function fewReflexes({ before, effects, after }: Observation, history: History): string | undefined {
  const clips = only(effects, 'clip.play').filter(({ lane }) => lane === 'A');
  if (clips.length === 0) return undefined;
  if (clips.length > 1 || before.turn.is !== 'open') return 'a reflex without a turn of its own';
  if (history.reflexes.includes(before.turn.id)) return `a second reflex of ${before.turn.id}`;
  if (history.audible.includes(before.turn.id)) return 'a reflex after audible B';
  if (userSpeaks(before) && userSpeaks(after)) return 'a reflex while the user speaks';
  return undefined;
}

function nothingUncleared({ effects, config }: Observation, _: History, now: History): string | undefined {
  if (config.POLICY_MODE !== 'strict') return undefined;
  for (const { response, upToMs } of only(effects, 'lane.admit')) {
    const cleared = now.cleared[response] ?? 0;
    if (upToMs === undefined || upToMs > cleared) return `${response} admitted to ${upToMs}, cleared to ${cleared}`;
  }
  return undefined;
}

/** Events after which the slot may be free again. */
const FREEING: readonly ArbiterEvent['type'][] = ['response.done', 'response.error', 'tick', 'provider.down'];

function oneRequest({ before, event, effects, after }: Observation, history: History): string | undefined {
  const twice = only(effects, 'response.cancel').find(({ response }) => history.cancelled.includes(response));
  if (twice) return `${twice.response} cancelled twice`;
  const creates = only(effects, 'response.create');
  if (creates.length > 1) return 'two requests at once';
  if (creates.length === 0) return undefined;
  if (before.response.is !== 'none' && !FREEING.includes(event.type)) return 'a request while the slot is taken';
  if (after.response.is !== 'requested' || after.provider.is !== 'up') return 'a request that nobody waits for';
  return undefined;
}

function truncatedOnce({ effects }: Observation, history: History): string | undefined {
  const told = [...only(effects, 'item.truncate'), ...only(effects, 'item.delete')];
  for (const effect of told) {
    const known = history.items[effect.item];
    // An item of the user's is deleted without ever having sounded.
    if (known === undefined && effect.type === 'item.delete') continue;
    if (known === undefined || history.settled.includes(effect.item)) return `${effect.item} settled twice`;
    if (effect.type === 'item.delete') continue;
    const most = Math.min(known.received, known.played);
    if (!(effect.audioEndMs >= 1 && effect.audioEndMs <= most)) return `truncated at ${effect.audioEndMs} of ${most}`;
  }
  if (new Set(told.map(({ item }) => item)).size < told.length) return 'an item settled twice in one step';
  return undefined;
}

function deadlineFor({ after }: Observation): string | undefined {
  if (after.ended) return nextDeadline(after) === undefined ? undefined : 'a deadline after the end';
  return isListening(after) || nextDeadline(after) !== undefined ? undefined : 'waits for something without a deadline';
}

function oneOutcome({ effects, after }: Observation, history: History, now: History): string | undefined {
  for (const { turn } of only(effects, 'turn.outcome')) {
    if (history.turns[turn] !== 'open') return `an outcome of ${turn}, which is ${history.turns[turn] ?? 'unknown'}`;
  }
  const open = Object.keys(now.turns).filter((turn) => now.turns[turn] === 'open');
  const held = after.turn.is === 'open' ? [after.turn.id] : [];
  if (open.join() !== held.join()) return `open are ${open.join()}, the state knows ${held.join()}`;
  return undefined;
}

function auditedOnce({ effects }: Observation): string | undefined {
  const audits = only(effects, 'audit');
  for (const { cause, from, to } of only(effects, 'owner.changed')) {
    const at = audits.findIndex((one) => one.cause === cause && one.from === from && one.to === to);
    if (at === -1) return `no audit of ${from}→${to} by ${cause}`;
    audits.splice(at, 1);
  }
  const extra = audits.find(({ from }) => from !== undefined);
  return extra ? `an audit of a change that was none, by ${extra.cause}` : undefined;
}

function staleIsNothing({ before, effects, after }: Observation): string | undefined {
  if (!isStale(effects)) return undefined;
  if (effects.length !== 1) return 'stale, and yet an effect';
  return before === after || JSON.stringify(before) === JSON.stringify(after) ? undefined : 'stale, and yet a change';
}

function inOrder({ event, effects }: Observation): string | undefined {
  if (event.type === 'tick') return undefined;
  const ranks = effects.map(({ type }) => ORDER.indexOf(type));
  return ranks.every((rank, at) => at === 0 || rank >= (ranks[at - 1] ?? 0)) ? undefined : 'effects out of order';
}

function deadNeverHeard({ before, effects }: Observation): string | undefined {
  const dead = only(effects, 'lane.admit').find(({ response }) => before.past.responses.includes(response));
  return dead ? `${dead.response} is dead and admitted` : undefined;
}

/** Nobody talks over the user: what they could hear is paused, and nothing begins. */
function hushed({ effects, after, config }: Observation): string | undefined {
  if (!userSpeaks(after)) return undefined;
  const firm = after.owner === 'C' && config.REFUSAL_UNINTERRUPTIBLE;
  if (after.owner !== 'none' && after.gate.is !== 'paused' && !firm) return `${after.owner} talks over the user`;
  const begun = only(effects, 'gate.open').find(({ lane }) => lane !== 'C' || !firm);
  return begun && effects.every(({ type }) => type !== 'gate.close')
    ? `${begun.lane} begins while the user speaks`
    : undefined;
}

/** A deadline without the thing that it ends would fire into whatever comes next. */
function timersBelong({ after, config }: Observation): string | undefined {
  const { owner, response: slot, turn, deadlines, gate, reflex, widget } = after;
  const uncleared = Object.entries(after.responses).some(
    ([id, { receivedMs }]) => receivedMs > (after.policy[id] ?? 0),
  );
  const asked = slot.is === 'requested' || (after.queued !== null && slot.is === 'none');
  const belongs: Record<DeadlineName, boolean> = {
    decide: gate.is === 'paused' && userSpeaks(after),
    turn: after.floor.is === 'deciding',
    user: userSpeaks(after) || after.floor.is === 'deciding',
    widget: widget.is === 'down',
    clip: owner === 'C',
    policy: config.POLICY_MODE === 'strict' && uncleared,
    idle: config.IDLE_PROMPT_MS > 0 && owner === 'none' && turn.is !== 'open',
    create: asked,
    first: slot.is === 'created',
    stall: slot.is === 'streaming',
    done: slot.is === 'generated' || slot.is === 'cancelling',
    tool: Object.keys(after.tools).length > 0,
    drain: owner === 'B' && gate.is === 'open',
    cap: owner === 'A',
    reflex: reflex.is === 'armed' && turn.is === 'open',
  };
  const stray = DEADLINES.find((name) => deadlines[name] !== undefined && !belongs[name]);
  if (stray) return `the deadline ${stray} has nothing to end`;
  const needed = (['create', 'first', 'stall', 'done', 'tool', 'cap', 'reflex'] as const).find(
    (name) => belongs[name] && deadlines[name] === undefined,
  );
  if (needed) return `nothing ends what the deadline ${needed} is for`;
  if (userSpeaks(after) && deadlines.user === undefined) return 'nothing ends what the user says';
  return undefined;
}

function bounded({ after }: Observation): string | undefined {
  const grown = [after, after.past].flatMap((part) =>
    Object.entries(part).filter(
      ([, value]: [string, unknown]) =>
        typeof value === 'object' && value !== null && Object.keys(value).length > MOST_ENTRIES,
    ),
  );
  return grown.length === 0 ? undefined : `${grown.map(([name]) => name).join()} grows`;
}

/** Those with a number have it in the README. */
export const INVARIANTS: readonly (readonly [string, Invariant])[] = [
  ['I1', oneVoice],
  ['I2', deadNeverHeard],
  ['I3', userWins],
  ['I4', fewReflexes],
  ['I5', nothingUncleared],
  ['I6', oneRequest],
  ['I7', truncatedOnce],
  ['I8', deadlineFor],
  ['I9', oneOutcome],
  ['I10', auditedOnce],
  ['I11', staleIsNothing],
  ['I12', bounded],
  ['order', inOrder],
  ['hush', hushed],
  ['timers', timersBelong],
];

/** Checks a step. `broken` names the invariants that do not hold, with what was seen. */
export function observe(history: History, seen: Observation): { history: History; broken: string[] } {
  const now = remember(history, seen);
  const broken = INVARIANTS.flatMap(([name, holds]) => {
    const problem = holds(seen, history, now);
    return problem === undefined ? [] : [`${name}: ${problem}`];
  });
  return { history: now, broken };
}
