/**
 * The arbiter: one pure function from a state and an event to the next state and its effects.
 * Total, without clock, randomness or ids of its own. The rules are in the files beside this one;
 * here is only which of them an event calls, and what follows from every event alike.
 */
import { onBlocked, onCleared, onClipEnded, onClipReady, awaitPolicy, playWaiting, tendIdlePrompt } from './control.ts';
import {
  begin,
  decisionOpen,
  disarm,
  type Draft,
  type Handled,
  inOrder,
  someoneSpeaks,
  staleEffect,
  userIsSilent,
} from './draft.ts';
import { DUE, onEnded, onProviderDown, onProviderUp, onWidgetDown, onWidgetUp } from './loss.ts';
import { admitWhenDue, onDeviceResumed, onDeviceSuspended, onDrained, onPlayout, resume } from './playout.ts';
import {
  createWhenDue,
  onCreated,
  onDone,
  onError,
  onGenerated,
  onSound,
  onToolEnded,
  onToolStarted,
  onWords,
} from './slot.ts';
import { DEADLINES, type DeadlineName, type State } from './state.ts';
import { awaitsDecision, onCommitted, onDropped, onOffset, onOnset, onText, onVerdict } from './user.ts';
import type { ArbiterConfig, ArbiterEvent, Effect } from './vocabulary.ts';

export interface Step {
  state: State;
  effects: Effect[];
}

function handle(d: Draft, event: Exclude<ArbiterEvent, { type: 'tick' }>): Handled {
  switch (event.type) {
    case 'session.started':
      if (d.s.started) return 'stale';
      d.s.started = true;
      return undefined;
    case 'session.ended':
      return onEnded(d);
    case 'user.onset':
      return onOnset(d, event);
    case 'user.offset':
      return onOffset(d, event);
    case 'user.verdict':
      return onVerdict(d, event);
    case 'user.text':
      return onText(d, event);
    case 'turn.committed':
      return onCommitted(d, event);
    case 'turn.dropped':
      return onDropped(d, event);
    case 'response.created':
      return onCreated(d, event);
    case 'response.text':
      return onWords(d, event);
    case 'response.audio':
      return onSound(d, event);
    case 'response.generated':
      return onGenerated(d, event);
    case 'response.done':
      return onDone(d, event);
    case 'response.error':
      return onError(d, event);
    case 'playout':
      return onPlayout(d, event);
    case 'playout.drained':
      return onDrained(d, event);
    case 'clip.ready':
      return onClipReady(d, event);
    case 'clip.ended':
      return onClipEnded(d, event);
    case 'policy.cleared':
      return onCleared(d, event);
    case 'policy.blocked':
      return onBlocked(d, event);
    case 'tool.started':
      return onToolStarted(d, event);
    case 'tool.ended':
      return onToolEnded(d, event);
    case 'provider.down':
      return onProviderDown(d, event);
    case 'provider.up':
      return onProviderUp(d, event);
    case 'widget.down':
      return onWidgetDown(d);
    case 'widget.up':
      return onWidgetUp(d, event);
    case 'device.suspended':
      return onDeviceSuspended(d);
    case 'device.resumed':
      return onDeviceResumed(d);
    default:
      return event satisfies never;
  }
}

/** Rule 4: opens the end-of-turn decision, or ends one that has nothing left to decide. */
function tendDecision(d: Draft): void {
  const awaited = awaitsDecision(d.s);
  if (decisionOpen(d.s)) {
    if (!awaited) disarm(d, 'turn');
  } else if (awaited && !someoneSpeaks(d.s)) {
    d.s.deadlines.turn = d.t + d.config.TURN_DECISION_MS;
    disarm(d, 'decide');
  }
}

function tendFloor(d: Draft): void {
  const { s, t } = d;
  const { floor } = s;
  if (decisionOpen(s)) {
    if (floor.is !== 'deciding') s.floor = { is: 'deciding', since: t };
  } else if (someoneSpeaks(s) && s.owner === 'none') {
    if (floor.is !== 'user') s.floor = { is: 'user', since: t };
  } else if (s.owner !== 'none' || s.turn.is === 'open') {
    s.floor = { is: 'agent' };
  } else s.floor = { is: 'idle' };
}

/** What follows from every event alike, in the order in which the rules depend on one another. */
function settle(d: Draft): void {
  tendDecision(d);
  if (userIsSilent(d.s)) {
    disarm(d, 'user');
    if (d.s.gate.is === 'paused') resume(d);
  } else if (d.s.deadlines.user === undefined && someoneSpeaks(d.s)) {
    // Ruled silent before, and overruled: it speaks again.
    d.s.deadlines.user = d.t + d.config.MAX_USER_TURN_MS;
  }
  playWaiting(d);
  createWhenDue(d);
  admitWhenDue(d);
  awaitPolicy(d);
  tendIdlePrompt(d);
  tendFloor(d);
}

/** The deadline that fires first: by time, then by whose it is. */
function firstDue(s: State, t: number): DeadlineName | undefined {
  let first: DeadlineName | undefined;
  let soonest = Infinity;
  for (const name of DEADLINES) {
    const at = s.deadlines[name] ?? Infinity;
    if (at > t || at >= soonest) continue;
    first = name;
    soonest = at;
  }
  return first;
}

/** Deadlines that a tick sets count from the tick's time, so none fires twice in one tick unless it is 0. */
const MOST_FIRED = DEADLINES.length * 2;

function tick(state: State, t: number, config: ArbiterConfig): Step {
  const effects: Effect[] = [];
  let current = state;
  for (let fired = 0; fired < MOST_FIRED && !current.ended; fired++) {
    const name = firstDue(current, t);
    if (name === undefined) break;
    const d = begin(current, t, config);
    disarm(d, name);
    DUE[name](d);
    settle(d);
    effects.push(...inOrder(d.effects));
    current = d.s;
  }
  return { state: current, effects };
}

/**
 * One step.
 *
 * @param state - plain JSON; never written to.
 * @param event - with `t` in milliseconds, not before the event before it.
 * @param config - the knobs of this session.
 * @returns the next state (the same object when the event was stale) and the effects in their order.
 */
export function step(state: State, event: ArbiterEvent, config: ArbiterConfig): Step {
  if (event.type === 'tick') return tick(state, event.t, config);
  if (state.ended) return { state, effects: [staleEffect(event)] };
  const d = begin(state, event.t, config);
  if (handle(d, event) === 'stale') return { state, effects: [staleEffect(event)] };
  settle(d);
  return { state: d.s, effects: inOrder(d.effects) };
}
