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
import { createInputPolicy, type InputPolicy, type InputRuling } from '../policy/input-policy.ts';
import type { Ruling } from '../policy/judge.ts';
import { shareOf, type Moderator } from '../policy/moderation.ts';
import { createOutputPolicy, type OutputPolicy } from '../policy/output-policy.ts';
import { redact } from '../policy/redact.ts';
import { requiredPhrases, type RequiredPhrases } from '../policy/required.ts';
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

class PolicyLane implements LaneC {
  readonly #options: LaneCOptions;
  readonly #policy: Policy;
  readonly #config: ArbiterConfig;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #dispatch: (event: Happening) => Effect[];
  readonly #turns: Turns;
  readonly #controls: ControlClips;
  readonly #isStrict: boolean;
  readonly #silenceBlocks: boolean;
  // A question is judged while the model thinks: there is more time than for an answer.
  readonly #input: InputPolicy;
  readonly #required: RequiredPhrases;
  readonly #output: OutputPolicy;
  readonly #known = new Map<string, Turn>();
  /** What is known of user items: their words, and the ruling on them. */
  readonly #items = new Map<string, { text: string; ruling: InputRuling | null }>();
  readonly #timers = new Set<() => void>();
  #calls = 0;

  constructor(options: LaneCOptions) {
    this.#options = options;
    const { policy, config, clock, signal, dispatch, turns, controls } = options;
    this.#policy = policy;
    this.#config = config;
    this.#clock = clock;
    this.#signal = signal;
    this.#dispatch = dispatch;
    this.#turns = turns;
    this.#controls = controls;
    const moderator = options.moderator && shareOf(options.moderator, signal);
    this.#isStrict = config.POLICY_MODE === 'strict';
    this.#silenceBlocks = this.#isStrict && config.POLICY_ON_TIMEOUT === 'closed';
    const timeoutMs = this.#isStrict ? config.POLICY_BUDGET_MS : LENIENT_TIMEOUT_MS;
    this.#input = createInputPolicy({
      policy,
      moderator,
      timeoutMs: timeoutMs * 2,
      silenceBlocks: this.#silenceBlocks,
      signal,
    });
    this.#required = requiredPhrases(policy);
    this.#output = createOutputPolicy({
      rules: phraseRules(policy, 'output'),
      actions: policy.moderation.output,
      opening: policy.moderation.opening,
      run: options.run,
      now: () => this.#clock.now(),
      onRuling: options.onRuling,
      onVerdict: (ms) => this.#options.onMetric('moderation_ms', ms),
      ...{ moderator, timeoutMs, silenceBlocks: this.#silenceBlocks, signal },
    });
  }

  #turnOf(turn: string): Turn {
    return entry(this.#known, turn, () => ({
      ...{ item: null, isJudged: true, isDecided: false, blocked: null, isRewrite: false },
      ...{ responses: [], topics: [], said: '', isCompleted: false },
    }));
  }

  #isOpen(turn: string): boolean {
    const { turn: open } = this.#options.state();
    return open.is === 'open' && open.id === turn;
  }

  #wanted(response: string): boolean {
    return isWanted(this.#options.state(), response);
  }

  #tell(side: Side, turn: string, violation: Violation, words: string): void {
    const { decision, reason, severity, detail } = violation;
    this.#options.onMetric(`policy_${decision}_count`, 1);
    if (decision !== 'escalate') {
      this.#options.send({ type: 'policy.applied', decision, reason, severity, side });
      return;
    }
    this.#options.send({ type: 'policy.escalated', reason, severity });
    const excerpt = redact(words, this.#policy.pii).slice(-EXCERPT);
    this.#options.onEscalation({ turn, side, reason, severity, ...(detail !== undefined && { detail }), excerpt });
  }

  #block(response: string, violation: Violation): void {
    const { decision } = violation;
    this.#controls.choose(decision === 'escalate' ? 'handover' : decision === 'cancel_output' ? 'silence' : 'refusal');
    this.#options.stop(response);
    const effects = this.#dispatch({ type: 'policy.blocked', response, reason: reasonText(violation) });
    // Not current: it was only written down, and nothing will be said.
    if (!effects.some(({ type }) => type === 'gate.close')) this.#controls.choose('refusal');
  }

  /** Stops the turn's answer and has the model give another. */
  #rewrite(id: string, violation: Violation): void {
    const { item, topics } = this.#turnOf(id);
    this.#options.bridge()?.addContext(rewriteInstruction(violation, this.#policy));
    const next = this.#turns.proposeInstead(id);
    Object.assign(this.#turnOf(next), { item, topics, isRewrite: true });
    this.#dispatch({ type: 'turn.committed', turn: next, utterances: [] });
    this.#turns.announce(next);
  }

  #decide(side: Side, id: string, response: string | undefined, found: Violation, words: string): void {
    const turn = this.#turnOf(id);
    const state = this.#options.state();
    // Once a turn; but whoever may be in danger is always told of.
    if (turn.isDecided || !this.#isOpen(id)) {
      if (found.decision === 'escalate') this.#tell(side, id, found, words);
      return;
    }
    turn.isDecided = true;
    const mayRewrite = !turn.isRewrite && isUserSilent(state) && this.#options.bridge() !== null;
    const violation: Violation = found.decision === 'rewrite' && !mayRewrite ? { ...found, decision: 'refuse' } : found;
    this.#tell(side, id, violation, words);
    const isDropped = violation.decision === 'refuse' || violation.decision === 'cancel_output';
    // What the model was asked and may not answer does not stay in its memory.
    if (side === 'input' && isDropped && turn.item !== null) this.#options.bridge()?.deleteItem(turn.item);
    if (violation.decision === 'rewrite') {
      for (const one of turn.responses) this.#options.stop(one);
      this.#rewrite(id, violation);
    } else if (response !== undefined) this.#block(response, violation);
    else turn.blocked = violation;
  }

  /** The ruling on the turn's question is here. */
  #judged(id: string, { violation, topics }: InputRuling, words: string): void {
    const turn = this.#turnOf(id);
    turn.isJudged = true;
    turn.topics.push(...topics);
    if (violation)
      this.#decide(
        'input',
        id,
        turn.responses.findLast((response) => this.#wanted(response)),
        violation,
        words,
      );
    else for (const response of turn.responses) this.#output.release(response);
  }

  #ruled(item: string, ruling: InputRuling): void {
    const about = this.#items.get(item);
    if (!about) return;
    about.ruling = ruling;
    const owner = [...this.#known].findLast(([, turn]) => turn.item === item && !turn.isRewrite);
    if (owner) this.#judged(owner[0], ruling, about.text);
  }

  /** Open on timeout: an answer waits for the ruling on its question no longer than for one on itself. */
  #releaseInTime(id: string, response: string): void {
    const cancel = this.#clock.wakeAt(this.#clock.now() + this.#config.POLICY_BUDGET_MS, () => {
      this.#timers.delete(cancel);
      this.#options.run(() => {
        this.#turnOf(id).isJudged = true;
        this.#output.release(response);
      });
    });
    this.#timers.add(cancel);
  }

  asked(id: string, item: string): void {
    const turn = this.#turnOf(id);
    turn.item = item;
    // A refusal that waited for the user to end was dropped by this turn.
    this.#controls.choose('refusal');
    const ruling = this.#items.get(item)?.ruling;
    turn.isJudged = !(this.#input.isNeeded && this.#policy.moderation.holdForInput);
    if (ruling) this.#judged(id, ruling, this.#items.get(item)?.text ?? '');
  }

  get output(): OutputPolicy {
    return this.#output;
  }

  again(id: string, next: string): void {
    const { item } = this.#turnOf(id);
    if (item !== null) this.asked(next, item);
  }

  userSaid(item: string, text: string): void {
    if (this.#items.has(item)) return;
    entry(this.#items, item, () => ({ text, ruling: null }));
    const ruling = this.#input.check(text);
    if (!(ruling instanceof Promise)) this.#ruled(item, ruling);
    else void ruling.then((late) => this.#signal.aborted || this.#options.run(() => this.#ruled(item, late)));
  }

  isHeld(id: string): boolean {
    return this.#isStrict && this.#known.get(id)?.isJudged === false;
  }

  created(response: string, id: string): void {
    const turn = this.#turnOf(id);
    turn.responses.push(response);
    if (turn.blocked) {
      const violation = turn.blocked;
      turn.blocked = null;
      this.#block(response, violation);
    } else if (!turn.isJudged && this.#isStrict && !this.#silenceBlocks) this.#releaseInTime(id, response);
  }

  violated(response: string, id: string | null, violation: Violation): void {
    if (id === null || !this.#wanted(response)) this.#block(response, violation);
    else this.#decide('output', id, response, violation, this.#output.textOf(response));
  }

  generated(_response: string, id: string, text: string): void {
    const turn = this.#turnOf(id);
    turn.said = `${turn.said} ${text}`.trim();
    // The answer goes on after a function's result; it is complete when none is open.
    if (!this.#isOpen(id) || text.trim() === '' || Object.keys(this.#options.state().tools).length > 0) return;
    const missing = this.#required.missing(turn.said, turn.topics);
    if (missing.length === 0) this.#required.answered(turn.said);
    else if (turn.isCompleted) {
      const reason = 'required_phrase_missing';
      this.#options.onMetric(`policy_${reason}_count`, 1);
      this.#options.send({ type: 'policy.applied', decision: 'allow', reason, severity: 'medium', side: 'output' });
    } else {
      turn.isCompleted = true;
      this.#calls += 1;
      const call = `policy_${this.#calls}`;
      this.#options.bridge()?.addContext(sayInstruction(missing));
      this.#dispatch({ type: 'tool.started', call });
      this.#dispatch({ type: 'tool.ended', call });
    }
  }

  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}

export function createLaneC(options: LaneCOptions): LaneC {
  return new PolicyLane(options);
}
