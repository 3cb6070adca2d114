/** Rules 7, 9 and 12: the one response at the provider, its sound and words, and the tools of a turn. */
import {
  activeId,
  arm,
  audit,
  bury,
  disarm,
  type Draft,
  type Handled,
  isCurrent,
  isHeard,
  remember,
  setItem,
  setResponse,
} from './draft.ts';
import { awaitPolicy } from './control.ts';
import { cancelOnce, kill } from './kill.ts';
import { armDrain, concludeTurn } from './playout.ts';
import { disarmReflex, wordsArrived } from './reflex.ts';
import type { ResponseInfo } from './state.ts';
import type { ArbiterEvent, Cause, DoneStatus } from './vocabulary.ts';

type Of<T extends ArbiterEvent['type']> = Extract<ArbiterEvent, { type: T }>;

/** How much the newest turn counts in the expectation of B's first audible frame. */
const EWMA_WEIGHT = 0.3;

/** Wants a response for `turn`: at once, or when the slot and the provider allow it. */
export function request(d: Draft, turn: string): void {
  d.s.queued = turn;
  if (d.s.response.is === 'none') arm(d, 'create', d.config.CREATE_TIMEOUT_MS);
}

/** Asks for what waits. */
export function createWhenDue(d: Draft): void {
  const { turn, response, tools, provider } = d.s;
  if (turn.is === 'open' && turn.requestDue && response.is === 'none' && Object.keys(tools).length === 0) {
    const { requestDue: _due, result: _result, ...rest } = turn;
    d.s.turn = rest;
    request(d, turn.id);
  }
  const { queued } = d.s;
  if (queued === null || response.is !== 'none') return;
  if (provider.is === 'down') {
    if (d.s.deadlines.create === undefined) arm(d, 'create', d.config.CREATE_TIMEOUT_MS);
    return;
  }
  d.s.queued = null;
  d.s.response = { is: 'requested', turn: queued };
  arm(d, 'create', d.config.CREATE_TIMEOUT_MS);
  d.effects.push({ type: 'response.create', turn: queued });
}

export function onCreated(d: Draft, event: Of<'response.created'>): Handled {
  const { response: id, turn } = event;
  const { response: slot, past, responses } = d.s;
  const known = past.responses.includes(id) || responses[id] !== undefined;
  if (known) return 'stale';
  if (slot.is !== 'requested' || slot.turn !== turn) {
    if (!past.unanswered.includes(turn)) return 'stale';
    d.s.past = {
      ...past,
      unanswered: past.unanswered.filter((late) => late !== turn),
      responses: remember(past.responses, id),
    };
    cancelOnce(d, id);
    return undefined;
  }
  disarm(d, 'create');
  if (slot.cancel) {
    d.s.response = { is: 'cancelling', id };
    d.s.past = { ...past, responses: remember(past.responses, id) };
    cancelOnce(d, id);
    arm(d, 'done', d.config.DONE_TIMEOUT_MS);
    return undefined;
  }
  d.s.response = { is: 'created', id, turn };
  d.s.responses = { ...responses, [id]: { turn, receivedMs: 0 } };
  arm(d, 'first', d.config.FIRST_AUDIO_TIMEOUT_MS);
  return undefined;
}

export function onWords(d: Draft, event: Of<'response.text'>): Handled {
  if (!isCurrent(d.s, event.response)) return 'stale';
  wordsArrived(d);
  return undefined;
}

export function onSound(d: Draft, event: Of<'response.audio'>): Handled {
  const { response: id, item: itemId, audible } = event;
  const ms = Number.isFinite(event.ms) ? Math.max(0, event.ms) : 0;
  const info = d.s.responses[id];
  if (activeId(d.s) !== id || info === undefined) return 'stale';
  const { response: slot } = d.s;
  if (slot.is === 'created') d.s.response = { is: 'streaming', id, turn: slot.turn };
  disarm(d, 'first');
  if (d.s.response.is === 'streaming') arm(d, 'stall', d.config.STALL_MS);

  const item = d.s.items.find((one) => one.id === itemId);
  if (item === undefined) {
    d.s.items = [...d.s.items, { id: itemId, response: id, receivedMs: ms, playedMs: 0, fate: 'live' }];
  } else setItem(d, itemId, { receivedMs: item.receivedMs + ms });
  setResponse(d, id, { receivedMs: info.receivedMs + ms });
  if (audible && ms > 0 && info.audibleFromMs === undefined) becameAudible(d, id, info);
  else armDrain(d);
  awaitPolicy(d);
  return undefined;
}

/** B can be heard from here on; whether it may be is not decided here. */
function becameAudible(d: Draft, id: string, info: ResponseInfo): void {
  setResponse(d, id, { audibleFromMs: info.receivedMs });
  disarmReflex(d);
  const { turn, heard, expectedMs } = d.s;
  if (turn.is === 'open' && !turn.audible) {
    const afterMs = d.t - turn.committedAt;
    d.s.expectedMs = expectedMs === null ? afterMs : EWMA_WEIGHT * afterMs + (1 - EWMA_WEIGHT) * expectedMs;
    d.s.turn = { ...turn, audible: true };
    d.effects.push({ type: 'metric', name: 'first_audible_ms', value: afterMs });
  }
  d.s.asked = false;
  if (heard.is === 'none') d.s.heard = { is: 'held', response: id, turn: info.turn, resumes: 0 };
  else {
    const { question: _question, ...rest } = heard;
    d.s.heard = { ...rest, response: id, earlier: [...(heard.earlier ?? []), heard.response] };
  }
}

export function onGenerated(d: Draft, event: Of<'response.generated'>): Handled {
  const { response: id, question } = event;
  const { response: slot, heard } = d.s;
  if ((slot.is !== 'created' && slot.is !== 'streaming') || slot.id !== id) return 'stale';
  d.s.response = { is: 'generated', id, turn: slot.turn };
  setResponse(d, id, question === true ? { generated: true, question: true } : { generated: true });
  d.s.asked = question === true;
  if (question === true && heard.is !== 'none' && heard.response === id) d.s.heard = { ...heard, question: true };
  disarm(d, 'first', 'stall');
  arm(d, 'done', d.config.DONE_TIMEOUT_MS);
  armDrain(d);
  return undefined;
}

export function onDone(d: Draft, event: Of<'response.done'>): Handled {
  const { response: id, status } = event;
  const { response: slot } = d.s;
  if (slot.is === 'cancelling' && (slot.id === id || slot.id === undefined)) {
    freeSlot(d);
    concludeTurn(d, 'silent');
    return undefined;
  }
  if (activeId(d.s) !== id) return 'stale';
  finish(d, id, status, 'silent');
  return undefined;
}

export function freeSlot(d: Draft): void {
  d.s.response = { is: 'none' };
  disarm(d, 'create', 'first', 'stall', 'done');
}

/** The slot's response is over; what of it is held or heard goes on. */
export function finish(d: Draft, id: string, status: DoneStatus, cause: Cause): void {
  const info = d.s.responses[id];
  const completed = status === 'completed';
  freeSlot(d);
  if (info === undefined) return;
  const audible = info.audibleFromMs !== undefined;
  setResponse(d, id, { ended: completed ? 'completed' : 'lost' });
  leaveResult(
    d,
    completed || (audible && info.generated === true),
    !completed && !audible && (cause === 'silent' || cause === 'timeout'),
  );
  if (!isHeard(d.s, id)) bury(d, [id]);
  else if (!completed && d.config.ON_PROVIDER_LOSS === 'stop') {
    kill(d, { cause: cause === 'silent' ? 'error' : cause, outcome: 'failed' });
    return;
  }
  armDrain(d);
  concludeTurn(d, cause);
}

/** What the turn will have come to when all of it has been heard. */
export function leaveResult(d: Draft, answered: boolean, fallbackDue: boolean): void {
  const { turn } = d.s;
  if (turn.is !== 'open') return;
  const { fallbackDue: _fallback, ...rest } = turn;
  d.s.turn = {
    ...rest,
    result: answered ? 'answered' : 'failed',
    ...(fallbackDue ? { fallbackDue: true as const } : {}),
  };
}

export function onError(d: Draft, event: Of<'response.error'>): Handled {
  const { code, response: id } = event;
  const { response: slot } = d.s;
  if (code === 'response_cancel_not_active') return undefined;
  if (slot.is === 'requested' && code === 'conversation_already_has_active_response') {
    if (!slot.cancel) d.s.queued = slot.turn;
    disarm(d, 'create');
    arm(d, 'done', d.config.DONE_TIMEOUT_MS);
    if (id === undefined) d.s.response = { is: 'cancelling' };
    else {
      d.s.response = { is: 'cancelling', id };
      d.s.past = { ...d.s.past, responses: remember(d.s.past.responses, id) };
      cancelOnce(d, id);
    }
    return undefined;
  }
  if (id === undefined && slot.is === 'requested') {
    freeSlot(d);
    if (slot.cancel) audit(d, 'error', { code });
    else kill(d, { cause: 'error', outcome: 'failed', keepControl: true });
    return undefined;
  }
  if (id !== undefined && slot.is === 'cancelling' && slot.id === id) {
    freeSlot(d);
    audit(d, 'error', { code, response: id });
    concludeTurn(d, 'error');
    return undefined;
  }
  if (id !== undefined && activeId(d.s) === id) {
    slotLost(d, id, 'error');
    return undefined;
  }
  if (id !== undefined && d.s.past.responses.includes(id)) return 'stale';
  audit(d, 'error', id === undefined ? { code } : { code, response: id });
  return undefined;
}

/** The slot's response died on the way: what is held or heard drains or stops, otherwise the turn failed. */
export function slotLost(d: Draft, id: string, cause: Cause): void {
  if (d.s.heard.is !== 'none' || d.s.responses[id]?.drained) {
    audit(d, cause, { response: id });
    finish(d, id, 'failed', cause);
    return;
  }
  freeSlot(d);
  bury(d, [id]);
  kill(d, { cause, outcome: 'failed', keepControl: true });
}

export function onToolStarted(d: Draft, event: Of<'tool.started'>): Handled {
  const { turn, tools, past } = d.s;
  if (turn.is !== 'open' || tools[event.call] !== undefined || past.calls.includes(event.call)) return 'stale';
  d.s.tools = { ...tools, [event.call]: { turn: turn.id, since: d.t } };
  awaitTools(d);
  return undefined;
}

export function onToolEnded(d: Draft, event: Of<'tool.ended'>): Handled {
  const { turn, tools, past } = d.s;
  if (turn.is !== 'open' || tools[event.call] === undefined) return 'stale';
  const { [event.call]: _ended, ...rest } = tools;
  d.s.tools = rest;
  d.s.past = { ...past, calls: remember(past.calls, event.call) };
  awaitTools(d);
  if (Object.keys(rest).length === 0) d.s.turn = { ...turn, requestDue: true };
  return undefined;
}

/** Each call has its own time; the deadline is the first of them. */
function awaitTools(d: Draft): void {
  const starts = Object.values(d.s.tools).map(({ since }) => since);
  if (starts.length === 0) disarm(d, 'tool');
  else d.s.deadlines.tool = Math.min(...starts) + d.config.TOOL_TIMEOUT_MS;
}
