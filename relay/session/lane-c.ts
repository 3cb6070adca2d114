/**
 * Lane C in one conversation: brings words to policy and carries out what it decides, in the
 * arbiter's vocabulary. A refusal is a `policy.blocked`. A rewrite is a turn of the relay's own
 * that takes the place of the stopped one. What must be said with an answer is asked for like the
 * answer to a function's result. What is against the rules is decided in `relay/policy`.
 */
import type { ArbiterConfig, Effect, State } from '#arbiter';
import type { RelayMessage } from '#wire';
import type { RealtimeBridge } from '../bridge/bridge.ts';
import type { Clock } from '../clock.ts';
import { reasonText, type Reason, type Severity, type Side, type Violation } from '../policy/decisions.ts';
import { createInputPolicy, type InputRuling } from '../policy/input-policy.ts';
import type { Ruling } from '../policy/judge.ts';
import { shareOf, type Moderator } from '../policy/moderation.ts';
import { createOutputPolicy, type OutputPolicy } from '../policy/output-policy.ts';
import { redact } from '../policy/redact.ts';
import { requiredPhrases } from '../policy/required.ts';
import { phraseRules } from '../policy/rules.ts';
import type { Policy } from '../policy/settings.ts';
import { rewriteInstruction, sayInstruction } from '../policy/told.ts';
import type { Happening } from './arbiter-shell.ts';
import { isUserSilent, isWanted } from './arbiter-view.ts';
import type { ControlClips } from './control-clips.ts';
import type { Turns } from './turns.ts';

/** Turns and user items remembered. */
const MOST_REMEMBERED = 32;
/** Lenient sessions wait for nothing; a verdict that takes longer is none. */
const LENIENT_TIMEOUT_MS = 2_000;
/** Characters of what was said that go with an escalation. */
const EXCERPT = 300;

/** What the tenant is told when a person is needed. Holds no personal data that policy knows. */
export interface Escalation {
  turn: string;
  side: Side;
  reason: Reason;
  severity: Severity;
  detail?: string;
  /** The last words that led to it, redacted. */
  excerpt: string;
}

export interface LaneCOptions {
  policy: Policy;
  moderator: Moderator | null;
  config: ArbiterConfig;
  clock: Clock;
  signal: AbortSignal;
  state: () => State;
  dispatch: (event: Happening) => Effect[];
  run: (job: () => void) => void;
  send: (message: RelayMessage) => void;
  turns: Turns;
  bridge: () => RealtimeBridge | null;
  controls: ControlClips;
  /** What became of a response's words and sound. */
  onRuling: (response: string, ruling: Ruling) => void;
  /** Nothing of the response is told any more. */
  stop: (response: string) => void;
  onEscalation: (escalation: Escalation) => void;
  onMetric: (name: string, value: number) => void;
}

export interface LaneC {
  readonly output: OutputPolicy;
  /** The arbiter took a turn; its words may be known already, or come later. */
  asked(turn: string, item: string): void;
  /** The question of `turn` is asked again in `next`. */
  again(turn: string, next: string): void;
  /** All words of a user item are known. */
  userSaid(item: string, text: string): void;
  isHeld(turn: string): boolean;
  created(response: string, turn: string): void;
  violated(response: string, turn: string | null, violation: Violation): void;
  generated(response: string, turn: string, text: string): void;
  close(): void;
}

interface Turn {
  item: string | null;
  /** The question was judged, or nobody needs to. */
  isJudged: boolean;
  isDecided: boolean;
  /** Decided before there was a response to block. */
  blocked: Violation | null;
  isRewrite: boolean;
  responses: string[];
  /** Of the question, with something to be said in the answer. */
  topics: string[];
  said: string;
  /** What was missing has been asked for. */
  isCompleted: boolean;
}

/** The entry of `key`, made when it is new; the oldest is forgotten. */
function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
    const oldest = map.size > MOST_REMEMBERED ? map.keys().next().value : undefined;
    if (oldest !== undefined) map.delete(oldest);
  }
  return value;
}

export function createLaneC(options: LaneCOptions): LaneC {
  const { policy, config, clock, signal, dispatch, turns, controls } = options;
  const moderator = options.moderator && shareOf(options.moderator, signal);
  const isStrict = config.POLICY_MODE === 'strict';
  const silenceBlocks = isStrict && config.POLICY_ON_TIMEOUT === 'closed';
  const timeoutMs = isStrict ? config.POLICY_BUDGET_MS : LENIENT_TIMEOUT_MS;
  // A question is judged while the model thinks: there is more time than for an answer.
  const input = createInputPolicy({ policy, moderator, timeoutMs: timeoutMs * 2, silenceBlocks, signal });
  const required = requiredPhrases(policy);
  const output = createOutputPolicy({
    rules: phraseRules(policy, 'output'),
    actions: policy.moderation.output,
    opening: policy.moderation.opening,
    run: options.run,
    now: () => clock.now(),
    onRuling: options.onRuling,
    onVerdict: (ms) => options.onMetric('moderation_ms', ms),
    ...{ moderator, timeoutMs, silenceBlocks, signal },
  });
  const known = new Map<string, Turn>();
  /** What is known of user items: their words, and the ruling on them. */
  const items = new Map<string, { text: string; ruling: InputRuling | null }>();
  const timers = new Set<() => void>();
  let calls = 0;

  const turnOf = (turn: string) =>
    entry(known, turn, () => ({
      ...{ item: null, isJudged: true, isDecided: false, blocked: null, isRewrite: false },
      ...{ responses: [], topics: [], said: '', isCompleted: false },
    }));
  const isOpen = (turn: string) => {
    const { turn: open } = options.state();
    return open.is === 'open' && open.id === turn;
  };
  const wanted = (response: string) => isWanted(options.state(), response);

  function tell(side: Side, turn: string, violation: Violation, words: string): void {
    const { decision, reason, severity, detail } = violation;
    options.onMetric(`policy_${decision}_count`, 1);
    if (decision !== 'escalate') {
      options.send({ type: 'policy.applied', decision, reason, severity, side });
      return;
    }
    options.send({ type: 'policy.escalated', reason, severity });
    const excerpt = redact(words, policy.pii).slice(-EXCERPT);
    options.onEscalation({ turn, side, reason, severity, ...(detail !== undefined && { detail }), excerpt });
  }

  function block(response: string, violation: Violation): void {
    const { decision } = violation;
    controls.choose(decision === 'escalate' ? 'handover' : decision === 'cancel_output' ? 'silence' : 'refusal');
    options.stop(response);
    const effects = dispatch({ type: 'policy.blocked', response, reason: reasonText(violation) });
    // Not current: it was only written down, and nothing will be said.
    if (!effects.some(({ type }) => type === 'gate.close')) controls.choose('refusal');
  }

  /** Stops the turn's answer and has the model give another. */
  function rewrite(id: string, violation: Violation): void {
    const { item, topics } = turnOf(id);
    options.bridge()?.addContext(rewriteInstruction(violation, policy));
    const next = turns.proposeInstead(id);
    Object.assign(turnOf(next), { item, topics, isRewrite: true });
    dispatch({ type: 'turn.committed', turn: next, utterances: [] });
    turns.announce(next);
  }

  function decide(side: Side, id: string, response: string | undefined, found: Violation, words: string): void {
    const turn = turnOf(id);
    const state = options.state();
    // Once a turn; but whoever may be in danger is always told of.
    if (turn.isDecided || !isOpen(id)) {
      if (found.decision === 'escalate') tell(side, id, found, words);
      return;
    }
    turn.isDecided = true;
    const mayRewrite = !turn.isRewrite && isUserSilent(state) && options.bridge() !== null;
    const violation: Violation = found.decision === 'rewrite' && !mayRewrite ? { ...found, decision: 'refuse' } : found;
    tell(side, id, violation, words);
    const isDropped = violation.decision === 'refuse' || violation.decision === 'cancel_output';
    // What the model was asked and may not answer does not stay in its memory.
    if (side === 'input' && isDropped && turn.item !== null) options.bridge()?.deleteItem(turn.item);
    if (violation.decision === 'rewrite') {
      for (const one of turn.responses) options.stop(one);
      rewrite(id, violation);
    } else if (response !== undefined) block(response, violation);
    else turn.blocked = violation;
  }

  /** The ruling on the turn's question is here. */
  function judged(id: string, { violation, topics }: InputRuling, words: string): void {
    const turn = turnOf(id);
    turn.isJudged = true;
    turn.topics.push(...topics);
    if (violation) decide('input', id, turn.responses.findLast(wanted), violation, words);
    else for (const response of turn.responses) output.release(response);
  }

  function ruled(item: string, ruling: InputRuling): void {
    const about = items.get(item);
    if (!about) return;
    about.ruling = ruling;
    const owner = [...known].findLast(([, turn]) => turn.item === item && !turn.isRewrite);
    if (owner) judged(owner[0], ruling, about.text);
  }

  /** Open on timeout: an answer waits for the ruling on its question no longer than for one on itself. */
  function releaseInTime(id: string, response: string): void {
    const cancel = clock.wakeAt(clock.now() + config.POLICY_BUDGET_MS, () => {
      timers.delete(cancel);
      options.run(() => {
        turnOf(id).isJudged = true;
        output.release(response);
      });
    });
    timers.add(cancel);
  }

  function asked(id: string, item: string): void {
    const turn = turnOf(id);
    turn.item = item;
    // A refusal that waited for the user to end was dropped by this turn.
    controls.choose('refusal');
    const ruling = items.get(item)?.ruling;
    turn.isJudged = !(input.isNeeded && policy.moderation.holdForInput);
    if (ruling) judged(id, ruling, items.get(item)?.text ?? '');
  }

  return {
    output,
    asked,
    again(id, next) {
      const { item } = turnOf(id);
      if (item !== null) asked(next, item);
    },
    userSaid(item, text) {
      if (items.has(item)) return;
      entry(items, item, () => ({ text, ruling: null }));
      const ruling = input.check(text);
      if (!(ruling instanceof Promise)) ruled(item, ruling);
      else void ruling.then((late) => signal.aborted || options.run(() => ruled(item, late)));
    },
    isHeld: (id) => isStrict && known.get(id)?.isJudged === false,
    created(response, id) {
      const turn = turnOf(id);
      turn.responses.push(response);
      if (turn.blocked) {
        const violation = turn.blocked;
        turn.blocked = null;
        block(response, violation);
      } else if (!turn.isJudged && isStrict && !silenceBlocks) releaseInTime(id, response);
    },
    violated(response, id, violation) {
      if (id === null || !wanted(response)) block(response, violation);
      else decide('output', id, response, violation, output.textOf(response));
    },
    generated(_response, id, text) {
      const turn = turnOf(id);
      turn.said = `${turn.said} ${text}`.trim();
      // The answer goes on after a function's result; it is complete when none is open.
      if (!isOpen(id) || text.trim() === '' || Object.keys(options.state().tools).length > 0) return;
      const missing = required.missing(turn.said, turn.topics);
      if (missing.length === 0) required.answered(turn.said);
      else if (turn.isCompleted) {
        const reason = 'required_phrase_missing';
        options.onMetric(`policy_${reason}_count`, 1);
        options.send({ type: 'policy.applied', decision: 'allow', reason, severity: 'medium', side: 'output' });
      } else {
        turn.isCompleted = true;
        calls += 1;
        const call = `policy_${calls}`;
        options.bridge()?.addContext(sayInstruction(missing));
        dispatch({ type: 'tool.started', call });
        dispatch({ type: 'tool.ended', call });
      }
    },
    close() {
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}
