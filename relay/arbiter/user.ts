/** Rules 1, 3–6: what the user says and does, up to the committed turn. */
import { arm, audit, decisionOpen, disarm, type Draft, type Handled, remember } from './draft.ts';
import { closeReflex, kill, killable } from './kill.ts';
import { armReflex, disarmReflex } from './reflex.ts';
import { freeze } from './playout.ts';
import { request } from './slot.ts';
import type { State, Utterance } from './state.ts';
import type { ArbiterEvent, Cause } from './vocabulary.ts';

type Of<T extends ArbiterEvent['type']> = Extract<ArbiterEvent, { type: T }>;

/** Ended utterances that are kept for the next commit; older ones close. */
const MOST_PENDING = 16;
const MOST_CLOSED = 64;

/** Lane C plays and nothing the user says may end it. */
function controlIsFirm(d: Draft): boolean {
  return d.s.owner === 'C' && d.config.REFUSAL_UNINTERRUPTIBLE;
}

function setUtterance(d: Draft, id: string, utterance: Utterance): void {
  d.s.speaking = { ...d.s.speaking, [id]: utterance };
}

/** Takes utterances out of play; their verdicts are kept for a commit that comes late. */
function retire(d: Draft, ids: string[]): void {
  const speaking = { ...d.s.speaking };
  const closed = [...d.s.past.utterances];
  for (const id of ids) {
    const utterance = speaking[id];
    if (utterance === undefined) continue;
    closed.push(utterance.verdict === undefined ? { id } : { id, verdict: utterance.verdict });
    delete speaking[id];
  }
  d.s.speaking = speaking;
  d.s.past = { ...d.s.past, utterances: closed.slice(-MOST_CLOSED) };
}

function isRetired(s: State, id: string): boolean {
  return s.past.utterances.some((utterance) => utterance.id === id);
}

export function onOnset(d: Draft, event: Of<'user.onset'>): Handled {
  const { utterance: id, level } = event;
  if (isRetired(d.s, id)) return 'stale';
  const known = d.s.speaking[id];
  if (known !== undefined) return known.closed ? 'stale' : undefined;
  const { config, s, t } = d;
  const soon = s.owner !== 'none' && t - s.ownedSince < config.ECHO_GUARD_MS;
  if (soon && (level ?? Infinity) < config.ECHO_LEVEL_DB) return undefined;

  const answers = s.askedAt !== null && t - s.askedAt <= config.BACKCHANNEL_BOUNDARY_MS;
  setUtterance(d, id, answers ? { since: t, ordinary: true } : { since: t });
  disarm(d, 'turn');
  disarmReflex(d);

  if (s.owner === 'none') return undefined;
  if (s.owner === 'A') {
    closeReflex(d, 'onset');
    return undefined;
  }
  if (controlIsFirm(d)) return undefined;
  if (s.gate.is === 'paused') {
    if (s.deadlines.decide === undefined) pauseUntilDecided(d, s.gate.at);
    return undefined;
  }
  if (s.owner === 'B' && s.handoverAt !== null && t - s.handoverAt <= config.TRANSITION_GAP_MS) {
    withdraw(d);
    return undefined;
  }
  if (resumesUsed(s) >= config.RESUMES_PER_RESPONSE) {
    kill(d, { cause: 'onset', outcome: 'superseded' });
    return undefined;
  }
  d.effects.push({ type: 'gate.pause', epoch: s.epoch });
  pauseUntilDecided(d, t);
  freeze(d);
  return undefined;
}

function resumesUsed(s: State): number {
  if (s.owner === 'C') return s.control.is === 'playing' ? s.control.resumes : 0;
  return s.heard.is === 'none' ? 0 : s.heard.resumes;
}

function pauseUntilDecided(d: Draft, at: number): void {
  arm(d, 'decide', d.config.INTERRUPT_DECISION_MS);
  d.s.gate = { is: 'paused', at, decideBy: d.t + d.config.INTERRUPT_DECISION_MS };
}

/** B had the floor for less than the gap, so nothing of it was heard: it is held again. */
function withdraw(d: Draft): void {
  const { heard, responses } = d.s;
  if (heard.is === 'none') return;
  d.s.heard = { ...heard, is: 'held' };
  d.s.responses = Object.fromEntries(
    Object.entries(responses).map(([id, { admitted: _admitted, ...rest }]) => [id, rest]),
  );
  disarm(d, 'drain');
  closeReflex(d, 'onset');
}

export function onOffset(d: Draft, event: Of<'user.offset'>): Handled {
  const utterance = d.s.speaking[event.utterance];
  if (utterance === undefined || utterance.ended !== undefined) return 'stale';
  endUtterance(d, event.utterance, utterance);
  return undefined;
}

/** The utterance is over now: too short is noise, ruled is closed. */
export function endUtterance(d: Draft, id: string, utterance: Utterance): void {
  const { verdict, since } = utterance;
  const ended: Utterance = { ...utterance, ended: d.t };
  const tooShort = d.t - since < d.config.INTERRUPT_MIN_SPEECH_MS;
  if (tooShort) setUtterance(d, id, { ...ended, verdict: verdict ?? 'noise', closed: true });
  else setUtterance(d, id, verdict === undefined ? ended : { ...ended, closed: true });
  if (verdict === 'backchannel') d.effects.push({ type: 'input.clear' });
  boundPending(d);
}

/** Endless backchannels without a commit must not grow the state. */
function boundPending(d: Draft): void {
  const closed = Object.entries(d.s.speaking).filter(([, utterance]) => utterance.closed);
  retire(
    d,
    closed.slice(0, -MOST_PENDING).map(([id]) => id),
  );
}

export function onVerdict(d: Draft, event: Of<'user.verdict'>): Handled {
  const { utterance: id, verdict } = event;
  const utterance = d.s.speaking[id];
  if (utterance === undefined || utterance.closed) return 'stale';
  if (verdict === 'backchannel' && utterance.ordinary) return undefined;
  if (utterance.verdict === 'interrupt') return undefined;
  const ruled: Utterance = { ...utterance, verdict };
  const over = utterance.ended !== undefined;
  setUtterance(d, id, over ? { ...ruled, closed: true } : ruled);
  if (verdict === 'backchannel' && over) d.effects.push({ type: 'input.clear' });
  if (verdict === 'interrupt') interrupt(d, 'interrupt');
  boundPending(d);
  return undefined;
}

function interrupt(d: Draft, cause: Cause): void {
  if (controlIsFirm(d)) {
    if (d.s.turn.is === 'open') kill(d, { cause, outcome: 'superseded', keepControl: true });
    return;
  }
  if (killable(d)) kill(d, { cause, outcome: 'superseded' });
}

/** Still speaking when the time for a decision is over. */
export function decideDue(d: Draft): void {
  interrupt(d, 'decide');
}

export function turnIsKnown(s: State, turn: string): boolean {
  return s.past.turns.includes(turn);
}

function allEnded(s: State): string[] {
  const over = Object.entries(s.speaking).filter(([, { ended }]) => ended !== undefined);
  return over.map(([id]) => id);
}

function verdictOf(s: State, id: string): string | undefined {
  return s.speaking[id]?.verdict ?? s.past.utterances.find((utterance) => utterance.id === id)?.verdict;
}

export function onCommitted(d: Draft, event: Of<'turn.committed'>): Handled {
  if (turnIsKnown(d.s, event.turn)) return 'stale';
  d.s.past = { ...d.s.past, turns: remember(d.s.past.turns, event.turn) };
  const utterances = event.utterances ?? allEnded(d.s);
  const nothingSaid =
    utterances.length > 0 &&
    utterances.every((id) => verdictOf(d.s, id) === 'backchannel' || verdictOf(d.s, id) === 'noise');
  retire(d, utterances);
  if (nothingSaid) {
    if (event.item !== undefined) d.effects.push({ type: 'item.delete', item: event.item });
    return undefined;
  }
  interrupt(d, 'commit');
  open(d, event.turn);
  return undefined;
}

export function onText(d: Draft, event: Of<'user.text'>): Handled {
  if (turnIsKnown(d.s, event.turn)) return 'stale';
  d.s.past = { ...d.s.past, turns: remember(d.s.past.turns, event.turn) };
  interrupt(d, 'text');
  open(d, event.turn, decisionOpen(d.s));
  return undefined;
}

/** The turn is the agent's to answer. */
function open(d: Draft, turn: string, decisionStays = false): void {
  if (!decisionStays) disarm(d, 'turn');
  if (d.s.control.is === 'waiting') d.s.control = { is: 'none' };
  d.s.turn = { is: 'open', id: turn, committedAt: d.t };
  d.s.askedAt = null;
  d.s.reflex = { is: 'off' };
  armReflex(d);
  request(d, turn);
}

export function onDropped(d: Draft, event: Of<'turn.dropped'>): Handled {
  if (turnIsKnown(d.s, event.turn)) return 'stale';
  d.s.past = { ...d.s.past, turns: remember(d.s.past.turns, event.turn) };
  retire(d, event.utterances ?? allEnded(d.s));
  disarm(d, 'turn');
  return undefined;
}

/** Nobody said in time whether the turn was over: what was said opens no other decision. */
export function decisionFailed(d: Draft): void {
  const speaking = { ...d.s.speaking };
  for (const [id, utterance] of Object.entries(speaking)) {
    if (utterance.ended !== undefined) speaking[id] = { ...utterance, undecided: true };
  }
  d.s.speaking = speaking;
  audit(d, 'timeout');
}

/** The user has talked for too long: as if every utterance ended now. */
export function userTurnDue(d: Draft): void {
  for (const [id, utterance] of Object.entries(d.s.speaking)) {
    if (utterance.ended === undefined) endUtterance(d, id, utterance);
  }
  audit(d, 'timeout');
}

/** Whether anything that was said still asks for an end-of-turn decision. */
export function awaitsDecision(s: State): boolean {
  return Object.values(s.speaking).some(
    ({ ended, verdict, undecided }) =>
      ended !== undefined && !undecided && verdict !== 'backchannel' && verdict !== 'noise',
  );
}
