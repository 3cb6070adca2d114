/**
 * Rule 2 and the settling of items: how everything that sounds or will sound is ended in one step,
 * and how a turn gets its one outcome.
 */
import { activeId, arm, audit, bury, changeOwner, closeGate, disarm, type Draft, heardIds, remember } from './draft.ts';
import type { Cause, Outcome, Owner } from './vocabulary.ts';

/** There is something to kill. What is in flight, held or heard is of the open turn. */
export function killable(d: Draft): boolean {
  return d.s.owner !== 'none' || d.s.turn.is === 'open';
}

/** Asks the provider to end a response: once ever. */
export function cancelOnce(d: Draft, id: string): void {
  if (d.s.past.cancelled.includes(id)) return;
  d.s.past = { ...d.s.past, cancelled: remember(d.s.past.cancelled, id) };
  d.effects.push({ type: 'response.cancel', response: id });
}

/** The model shall remember of each item what was heard of it, and nothing of what was not. */
function settleItems(d: Draft, responses: string[]): void {
  d.s.items = d.s.items.map((item) => {
    if (item.fate !== 'live' || !responses.includes(item.response)) return item;
    const played = Number.isFinite(item.playedMs) ? Math.max(0, Math.floor(item.playedMs)) : 0;
    const heardMs = Math.min(played, item.receivedMs);
    if (heardMs <= 0) {
      d.effects.push({ type: 'item.delete', item: item.id });
      return { ...item, fate: 'deleted' };
    }
    if (heardMs >= item.receivedMs) return { ...item, fate: 'heard' };
    d.effects.push({ type: 'item.truncate', item: item.id, audioEndMs: heardMs });
    return { ...item, fate: 'truncated' };
  });
}

/** The slot's response is to end; what is left of it only has to free the slot. */
function cancelSlot(d: Draft): void {
  const slot = d.s.response;
  if (slot.is === 'requested') {
    d.s.response = { ...slot, cancel: true };
    return;
  }
  if (slot.is !== 'created' && slot.is !== 'streaming' && slot.is !== 'generated') return;
  if (slot.is !== 'generated') {
    cancelOnce(d, slot.id);
    arm(d, 'done', d.config.DONE_TIMEOUT_MS);
  }
  d.s.response = { is: 'cancelling', id: slot.id };
  disarm(d, 'first', 'stall');
}

/** Gives the open turn its outcome: orphans its tools, drops its request, ends its reflex. */
export function endTurn(d: Draft, outcome: Outcome): void {
  if (d.s.turn.is !== 'open') return;
  const { id } = d.s.turn;
  let { calls } = d.s.past;
  for (const call of Object.keys(d.s.tools)) calls = remember(calls, call);
  d.s.past = { ...d.s.past, calls };
  d.s.tools = {};
  d.s.turn = { is: 'ended', id, outcome };
  d.s.queued = null;
  if (d.s.response.is === 'none') disarm(d, 'create');
  if (d.s.reflex.is !== 'off') d.s.reflex = { is: 'spent' };
  disarm(d, 'tool', 'reflex');
  d.effects.push({ type: 'turn.outcome', turn: id, outcome });
}

export interface Kill {
  cause: Cause;
  outcome: Outcome;
  /** Lane C goes on: its clip may not be interrupted. */
  keepControl?: boolean;
  /** Epoch of the closed gate, where the other side was ahead. */
  epoch?: number;
  /** C follows at once: the owner changes once, and the caller changes it. */
  ownerFollows?: boolean;
}

/** Ends whatever is owned, held, in flight or open. */
export function kill(d: Draft, { cause, outcome, keepControl, epoch, ownerFollows }: Kill): void {
  const controlStays = keepControl === true && d.s.owner === 'C';
  const active = activeId(d.s);
  const dying = active === undefined ? heardIds(d.s) : [...heardIds(d.s), active];
  if (!controlStays) closeGate(d, epoch);
  cancelSlot(d);
  settleItems(d, dying);
  bury(d, dying);
  d.s.heard = { is: 'none' };
  disarm(d, 'drain', 'cap');
  if (!controlStays) {
    disarm(d, 'clip');
    d.s.control = { is: 'none' };
  }
  endTurn(d, outcome);
  const next: Owner = controlStays ? 'C' : 'none';
  if (ownerFollows === true) return;
  if (d.s.owner !== next) changeOwner(d, next, cause);
  else audit(d, cause);
}

/** Ends a reflex that plays, its gate with it. */
export function closeReflex(d: Draft, cause: Cause): void {
  closeGate(d);
  disarm(d, 'cap');
  d.s.reflex = { is: 'spent' };
  changeOwner(d, 'none', cause);
}
