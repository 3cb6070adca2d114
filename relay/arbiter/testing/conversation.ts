/**
 * Sessions made of chance, without a generator of tests: `babble` is noise about things that exist,
 * `converse` a user, a provider, a policy and a widget that answer the effects, over a network that
 * loses, doubles, delays and reorders what they say. The same numbers give the same session.
 */
import { initialState, nextDeadline, type State } from '../state.ts';
import { step } from '../step.ts';
import type { ArbiterConfig, ArbiterEvent, Effect } from '../vocabulary.ts';

export interface Observed {
  before: State;
  event: ArbiterEvent;
  effects: Effect[];
  after: State;
}

type Untimed = ArbiterEvent extends infer E ? (E extends ArbiterEvent ? Omit<E, 't'> : never) : never;

/** Runs events from the start; each step is shown. */
export function play(events: readonly ArbiterEvent[], config: ArbiterConfig, each: (seen: Observed) => void): State {
  let state = initialState(config);
  for (const one of events) state = move(state, one, config, each);
  return state;
}

export function move(state: State, one: ArbiterEvent, config: ArbiterConfig, each: (seen: Observed) => void): State {
  const { state: after, effects } = step(state, one, config);
  each({ before: state, event: one, effects, after });
  return after;
}

/** Nothing but time passes from here on. */
export function wait(
  state: State,
  now: number,
  config: ArbiterConfig,
  each: (seen: Observed) => void,
  mostTicks = 100,
): { state: State; t: number } {
  let t = now;
  for (let ticks = 0; ticks < mostTicks; ticks++) {
    const next = nextDeadline(state);
    if (next === undefined) break;
    t = Math.max(t, next);
    state = move(state, { t, type: 'tick' }, config, each);
  }
  return { state, t };
}

/**
 * Noise that hits: any event at any time, but mostly about something that exists, so that few of
 * them are stale and the regions meet in every combination.
 */
export function babble(tape: readonly number[], config: ArbiterConfig): ArbiterEvent[] {
  const sent: ArbiterEvent[] = [];
  let state = initialState(config);
  let [next, t, count] = [0, 0, 0];
  const chance = (most: number) => (tape[next++] ?? 0) % most;
  const one = <T>(list: readonly T[]): T | undefined => list[chance(Math.max(1, list.length))];
  const fresh = (kind: string) => `${kind}${(count += 1)}`;
  const mostly = (known: string | undefined, kind: string) =>
    known === undefined || chance(8) === 0 ? fresh(kind) : known;
  const response = () => mostly(one(Object.keys(state.responses)), 'r');
  const utterance = () => mostly(one(Object.keys(state.speaking)), 'u');
  const item = () => mostly(one(state.items.filter(({ fate }) => fate === 'live'))?.id, 'i');
  const turn = () => (state.response.is === 'requested' ? state.response.turn : fresh('t'));
  const epochs = () => state.epoch - (chance(10) === 0 ? 1 : 0);
  const anyOf = <T>(...list: T[]) => list[chance(list.length)] as T;
  const events: (() => Untimed)[] = [
    ...Array<() => Untimed>(8).fill(() => ({ type: 'tick' })),
    () => ({ type: 'user.onset', utterance: chance(2) === 0 ? fresh('u') : utterance(), source: 'widget' }),
    ...Array<() => Untimed>(4).fill(() => ({ type: 'user.offset', utterance: utterance() })),
    () => ({
      type: 'user.verdict',
      utterance: utterance(),
      verdict: anyOf('interrupt', 'backchannel', 'noise'),
    }),
    () => ({ type: 'user.text', turn: fresh('t') }),
    () => ({ type: 'turn.committed', turn: fresh('t'), item: fresh('x') }),
    () => ({ type: 'turn.committed', turn: fresh('t'), item: fresh('x'), utterances: [utterance()] }),
    () => ({ type: 'turn.dropped', turn: fresh('t') }),
    () => ({ type: 'turn.dropped', turn: fresh('t') }),
    ...Array<() => Untimed>(9).fill(() => ({ type: 'response.created', response: fresh('r'), turn: turn() })),
    () => ({ type: 'response.text', response: response() }),
    ...Array<() => Untimed>(10).fill(() => {
      const id = response();
      return { type: 'response.audio', response: id, item: `i${id}`, ms: anyOf(20, 400), audible: chance(4) > 0 };
    }),
    () => ({ type: 'response.generated', response: response(), question: chance(2) === 0 }),
    () => ({
      type: 'response.done',
      response: state.response.is === 'cancelling' ? (state.response.id ?? fresh('r')) : response(),
      status: anyOf('completed', 'completed', 'completed', 'failed', 'cancelled'),
    }),
    () => ({ type: 'response.error', code: anyOf('server_error', 'response_cancel_not_active'), response: response() }),
    () => ({ type: 'response.error', code: anyOf('conversation_already_has_active_response', 'rate_limit_exceeded') }),
    () => ({ type: 'playout', epoch: epochs(), item: item(), playedMs: anyOf(0, 19.5, 300, 5000, -1) }),
    () => ({ type: 'playout.drained', epoch: epochs() }),
    () => ({ type: 'clip.ended', epoch: epochs() }),
    ...Array<() => Untimed>(7).fill(() => ({
      type: 'policy.cleared',
      response: response(),
      upToMs: anyOf(10, 200, 5000, 5000, 5000),
    })),
    () => ({ type: 'policy.blocked', response: response(), reason: 'topic' }),
    () => ({ type: 'tool.started', call: fresh('k') }),
    () => ({ type: 'tool.ended', call: mostly(one(Object.keys(state.tools)), 'k') }),
    () => ({ type: 'provider.up', generation: state.provider.generation + 1 }),
    () => ({ type: 'provider.up', generation: state.provider.generation + 1 }),
    () => ({ type: 'provider.down', generation: state.provider.generation }),
    () => (state.widget.is === 'up' ? { type: 'widget.down' } : { type: 'widget.up' }),
    () => ({ type: 'widget.up', epoch: state.epoch + (chance(8) === 0 ? 2 : 0) }),
    () => (state.device.is === 'audible' ? { type: 'device.suspended' } : { type: 'device.resumed' }),
    () => ({ type: 'device.resumed' }),
    () => ({ type: 'clip.ready', kind: 'reflex', clip: fresh('c'), affirmative: chance(2) === 0 }),
    () => ({ type: 'clip.ready', kind: anyOf('reflex', 'refusal', 'fallback', 'idle'), clip: fresh('c'), ms: 300 }),
  ];
  const begin: Untimed[] = [{ type: 'session.started' }, { type: 'provider.up', generation: 1 }];
  while (next < tape.length) {
    const untimed = begin.shift() ?? one(events)?.() ?? { type: 'tick' };
    t += anyOf(0, 0, 1, 20, 60, 130, 500);
    // A tick is what ends a wait, so it mostly comes when there is something to end.
    if (untimed.type === 'tick' && chance(2) > 0) t = Math.max(t, nextDeadline(state) ?? t);
    const event = { t, ...untimed };
    sent.push(event);
    ({ state } = step(state, event, config));
  }
  return sent;
}

/**
 * A conversation. Chance says what people do and how the network treats what is sent; without
 * faults (`trouble` 0) everything arrives once and in order.
 */
export function converse(tape: readonly number[], config: ArbiterConfig, trouble: number): ArbiterEvent[] {
  const outbox: ArbiterEvent[] = [];
  const sent: ArbiterEvent[] = [];
  let state = initialState(config);
  let [next, now, count] = [0, 0, 0];
  const chance = (most: number) => (tape[next++ % tape.length] ?? 0) % most;
  const send = (afterMs: number, one: Untimed) => {
    const copies = chance(100) < trouble ? chance(3) : 1;
    for (let copy = 0; copy < copies; copy++) {
      const late = chance(100) < trouble ? chance(3000) : 0;
      outbox.push({ t: now + afterMs + late, ...one });
    }
  };
  const hear = (effect: Effect) => {
    if (effect.type === 'response.create') answer(effect.turn);
    if (effect.type === 'response.cancel') {
      send(50, { type: 'response.done', response: effect.response, status: 'cancelled' });
    }
    if (effect.type === 'clip.play') send(400, { type: 'clip.ended', epoch: effect.epoch, clip: effect.clip });
    if (effect.type === 'lane.admit') {
      const item = `i${effect.response.slice(1)}`;
      send(200, { type: 'playout', epoch: effect.epoch, item, playedMs: 180 });
      send(700, { type: 'playout.drained', epoch: effect.epoch });
    }
  };
  const answer = (turn: string) => {
    count += 1;
    const response = `r${count}`;
    const item = `i${count}`;
    const at = chance(300);
    send(at, { type: 'response.created', response, turn });
    if (chance(6) === 0) {
      send(at + 10, { type: 'tool.started', call: `k${count}` });
      send(at + 400, { type: 'tool.ended', call: `k${count}` });
    } else {
      send(at + 20, { type: 'response.text', response });
      if (chance(8) === 0) send(at + chance(300), { type: 'policy.blocked', response, reason: 'topic' });
      else if (chance(8) > 0) send(at + chance(200), { type: 'policy.cleared', response, upToMs: 600 });
      send(at + 60, { type: 'response.audio', response, item, ms: 100, audible: false });
      send(at + 90, { type: 'response.audio', response, item, ms: 500, audible: true });
    }
    send(at + 100, { type: 'response.generated', response, question: chance(3) === 0 });
    send(at + 110, { type: 'response.done', response, status: chance(8) === 0 ? 'failed' : 'completed' });
  };
  const speak = () => {
    count += 1;
    const utterance = `u${count}`;
    const lasts = [40, 150, 400, 900][chance(4)] ?? 0;
    send(0, { type: 'user.onset', utterance, source: 'widget' });
    if (chance(2) === 0) send(60, { type: 'user.onset', utterance, source: 'provider' });
    const verdict = (['interrupt', 'backchannel', 'noise'] as const)[chance(5)];
    if (verdict !== undefined) send(chance(600), { type: 'user.verdict', utterance, verdict });
    if (chance(8) === 0) send(600 + chance(300), { type: 'user.verdict', utterance, verdict: 'interrupt' });
    send(lasts, { type: 'user.offset', utterance });
    const turn = `t${count}`;
    if (chance(3) > 0) send(lasts + 300, { type: 'turn.committed', turn, item: `x${count}`, utterances: [utterance] });
    else if (chance(2) === 0) send(lasts + 300, { type: 'turn.dropped', turn, utterances: [utterance] });
  };
  const happen = () => {
    const what = chance(40);
    if (what < 30) speak();
    else if (what < 33) send(0, { type: 'user.text', turn: `t${(count += 1)}` });
    else if (what === 33) send(0, { type: 'provider.down', generation: state.provider.generation });
    else if (what === 34) send(0, { type: 'widget.down' });
    else if (what === 35) send(0, { type: 'widget.up' });
    else if (what === 36) send(0, { type: 'device.suspended' });
    else if (what === 37) send(0, { type: 'device.resumed' });
    if (state.provider.is === 'down') send(200, { type: 'provider.up', generation: state.provider.generation + 1 });
  };
  send(0, { type: 'session.started' });
  send(0, { type: 'provider.up', generation: 1 });
  for (const kind of ['reflex', 'refusal', 'fallback', 'idle'] as const) {
    send(0, { type: 'clip.ready', kind, clip: `${kind}1`, ms: 400 });
    send(0, { type: 'clip.ready', kind, clip: `${kind}2`, ms: 500, affirmative: true });
  }
  for (let round = 0; round < tape.length && sent.length < 300; round++) {
    const soonest = outbox.reduce((at, { t }) => Math.min(at, t), Infinity);
    const due = Math.min(soonest, nextDeadline(state) ?? Infinity);
    if (due > now + 1500 || chance(20) === 0) {
      now += chance(400);
      happen();
      continue;
    }
    now = Math.max(now, due);
    const at = outbox.findIndex(({ t }) => t <= now);
    const arrived = at === -1 || chance(20) === 0 ? undefined : outbox.splice(at, 1)[0];
    const one: ArbiterEvent = arrived === undefined ? { t: now, type: 'tick' } : { ...arrived, t: now };
    sent.push(one);
    const { state: after, effects } = step(state, one, config);
    state = after;
    effects.forEach(hear);
  }
  return sent;
}
