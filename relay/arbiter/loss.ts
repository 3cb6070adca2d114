/** Rules 13 and 16: what is lost, and what happens when something expected never comes. */
import {
  activeId,
  arm,
  audit,
  bury,
  disarm,
  type Draft,
  type Handled,
  isHeard,
  remember,
  setResponse,
} from './draft.ts';
import { capDue, reflexDue } from './reflex.ts';
import { clipDue, idleDue, policyDue } from './control.ts';
import { cancelOnce, kill, killable } from './kill.ts';
import { armDrain, drained } from './playout.ts';
import { finish, freeSlot, leaveResult } from './slot.ts';
import type { DeadlineName } from './state.ts';
import { decideDue, decisionFailed, userTurnDue } from './user.ts';
import type { ArbiterEvent, Cause } from './vocabulary.ts';

type Of<T extends ArbiterEvent['type']> = Extract<ArbiterEvent, { type: T }>;

export function onProviderUp(d: Draft, event: Of<'provider.up'>): Handled {
  if (event.generation <= d.s.provider.generation) return 'stale';
  d.s.provider = { is: 'up', generation: event.generation };
  return undefined;
}

export function onProviderDown(d: Draft, event: Of<'provider.down'>): Handled {
  const { provider, response: slot } = d.s;
  if (provider.is === 'down' || event.generation < provider.generation) return 'stale';
  d.s.provider = { is: 'down', since: d.t, generation: Math.max(provider.generation, event.generation) };
  const active = activeId(d.s);
  if (d.s.heard.is !== 'none' && d.config.ON_PROVIDER_LOSS === 'stop') {
    freeSlot(d);
    if (active !== undefined && !isHeard(d.s, active)) bury(d, [active]);
    kill(d, { cause: 'provider_lost', outcome: 'failed', keepControl: true });
    return undefined;
  }
  const wasRequested = slot.is === 'requested' && !slot.cancel;
  const spoken = active === undefined ? undefined : d.s.responses[active];
  freeSlot(d);
  if (active === undefined && !wasRequested) return undefined;
  if (d.s.heard.is === 'none' && !spoken?.drained) {
    if (active !== undefined) bury(d, [active]);
    kill(d, { cause: 'provider_lost', outcome: 'failed', keepControl: true });
    return undefined;
  }
  audit(d, 'provider_lost');
  if (active !== undefined && spoken !== undefined) finish(d, active, 'failed', 'provider_lost');
  else leaveResult(d, false, false);
  return undefined;
}

export function onWidgetDown(d: Draft): Handled {
  if (d.s.widget.is === 'down') return undefined;
  d.s.widget = { is: 'down', since: d.t };
  arm(d, 'widget', d.config.WIDGET_GRACE_MS);
  return undefined;
}

export function onWidgetUp(d: Draft, event: Of<'widget.up'>): Handled {
  const { widget, epoch } = d.s;
  const ahead = (event.epoch ?? 0) > epoch;
  const late = widget.is === 'down' && d.t - widget.since >= d.config.WIDGET_GRACE_MS;
  d.s.widget = { is: 'up' };
  disarm(d, 'widget');
  if (!ahead && !late) return undefined;
  const next = Math.max(epoch, event.epoch ?? 0) + 1;
  if (d.s.owner !== 'none') kill(d, { cause: 'widget_lost', outcome: 'failed', epoch: next });
  else {
    d.s.epoch = next;
    d.s.gate = { is: 'closed' };
    d.effects.push({ type: 'gate.close', epoch: next, rampMs: d.config.TRANSITION_GAP_MS });
  }
  return undefined;
}

export function onEnded(d: Draft): Handled {
  if (killable(d)) kill(d, { cause: 'ended', outcome: 'failed' });
  else audit(d, 'ended');
  const { s } = d;
  s.ended = true;
  s.deadlines = {};
  s.frozen = {};
  s.speaking = {};
  s.control = { is: 'none' };
  s.gate = { is: 'closed' };
  s.response = { is: 'none' };
  s.queued = null;
  s.idleOwed = false;
  return undefined;
}

function turnFailed(d: Draft, cause: Cause): void {
  if (killable(d)) kill(d, { cause, outcome: 'failed', keepControl: cause !== 'widget_lost' });
  else audit(d, cause);
}

/** Requested, or waiting for the provider, and never created. */
function createDue(d: Draft): void {
  const { response: slot } = d.s;
  if (slot.is === 'requested') {
    freeSlot(d);
    d.s.past = { ...d.s.past, unanswered: remember(d.s.past.unanswered, slot.turn) };
    if (slot.cancel) {
      audit(d, 'timeout');
      return;
    }
  }
  turnFailed(d, 'timeout');
}

/** No more sound comes: what is heard drains, otherwise the turn failed. */
function stallDue(d: Draft): void {
  const id = activeId(d.s);
  if (id === undefined) return;
  if (d.s.heard.is === 'none') {
    turnFailed(d, 'timeout');
    return;
  }
  cancelOnce(d, id);
  d.s.response = { is: 'cancelling', id };
  arm(d, 'done', d.config.DONE_TIMEOUT_MS);
  setResponse(d, id, { ended: 'lost' });
  if (!isHeard(d.s, id)) bury(d, [id]);
  leaveResult(d, false, false);
  audit(d, 'timeout', { response: id });
  armDrain(d);
}

function doneDue(d: Draft): void {
  const id = activeId(d.s);
  if (id === undefined) {
    freeSlot(d);
    audit(d, 'timeout');
    return;
  }
  finish(d, id, 'failed', 'timeout');
  if (!d.effects.some(({ type }) => type === 'audit')) audit(d, 'timeout', { response: id });
}

/** What each deadline does when a tick finds it due. */
export const DUE: Record<DeadlineName, (d: Draft) => void> = {
  decide: decideDue,
  turn: decisionFailed,
  user: userTurnDue,
  widget: (d) => turnFailed(d, 'widget_lost'),
  clip: clipDue,
  policy: policyDue,
  idle: idleDue,
  create: createDue,
  first: (d) => turnFailed(d, 'timeout'),
  stall: stallDue,
  done: doneDue,
  tool: (d) => turnFailed(d, 'timeout'),
  drain: (d) => drained(d, 'drained_inferred'),
  cap: capDue,
  reflex: reflexDue,
};
