/**
 * What the model says, on its way in: sound is kept in the downlink and told to the arbiter in
 * whole milliseconds, words go to policy before anybody sees them. What belongs to a response
 * that nobody waits for is told and not kept.
 */
import type { DoneStatus } from '#arbiter';
import { msToSamples, samplesToMs, type RelayMessage } from '#wire';
import type { Violation } from '../policy/decisions.ts';
import type { Ruling } from '../policy/judge.ts';
import type { OutputPolicy } from '../policy/output-policy.ts';
import type { Happening } from './arbiter-shell.ts';
import { firstAudible } from './audible.ts';
import type { Downlink } from './downlink.ts';

/** Sent before the first sound above the threshold, so that soft beginnings are whole. */
const PREROLL = msToSamples(20);
/** Responses remembered. */
const MOST_RESPONSES = 16;
/** Ends a question in any script, closing quotes and brackets aside. */
const QUESTION = /[?؟？⸮;՞፧]\s*["'”’»)\]）」』]*\s*$/u;

interface Answer {
  turn: string | null;
  isAudible: boolean;
  isTextSeen: boolean;
  isBlocked: boolean;
  clearedMs: number;
  items: Map<string, { received: number; reportedMs: number }>;
}

export interface AnswersOptions {
  policy: OutputPolicy;
  /** Whether nothing of the turn's answer may be cleared yet. */
  isHeld: (turn: string) => boolean;
  /** After the arbiter was told of a response. */
  onCreated: (response: string, turn: string) => void;
  /** The response is stopped for good. */
  onViolation: (response: string, turn: string | null, violation: Violation) => void;
  /** Before the arbiter is told that all of an answer has come. */
  onGenerated: (response: string, turn: string, text: string) => void;
  isStrict: boolean;
  downlink: Downlink;
  send: (message: RelayMessage) => void;
  dispatch: (event: Happening) => void;
  /** Whether the arbiter may still admit the response. */
  isWanted: (response: string) => boolean;
  cancel: (response: string) => void;
}

export interface Answers {
  /** What policy says of a response, whenever it does. */
  rule(response: string, ruling: Ruling): void;
  /** The response is stopped from elsewhere: nothing of it is judged or told any more. */
  stop(response: string): void;
  created(response: string, turn: string | null): void;
  sound(response: string, item: string, samples: Int16Array): void;
  text(response: string, item: string, delta: string): void;
  textDone(response: string, item: string, text: string): void;
  generated(response: string, text: string): void;
  done(response: string, status: DoneStatus): void;
  /** The provider is gone; what has arrived is all there will be. */
  lost(): void;
  /** The turn that asked for the response, while it is wanted. */
  turnOf(response: string): string | null;
}

/** Whether `text` ends in a question mark of any script. */
export function isQuestion(text: string): boolean {
  return QUESTION.test(text);
}

class AnswerGate implements Answers {
  readonly #options: AnswersOptions;
  readonly #policy: OutputPolicy;
  readonly #downlink: Downlink;
  readonly #send: (message: RelayMessage) => void;
  readonly #dispatch: (event: Happening) => void;
  readonly #isWanted: (response: string) => boolean;
  readonly #answers = new Map<string, Answer>();

  constructor(options: AnswersOptions) {
    this.#options = options;
    const { policy, downlink, send, dispatch, isWanted } = options;
    this.#policy = policy;
    this.#downlink = downlink;
    this.#send = send;
    this.#dispatch = dispatch;
    this.#isWanted = isWanted;
  }

  /** Tells the arbiter of the item's sound up to sample `upTo`, in whole milliseconds. */
  #report(response: string, id: string, answer: Answer, upTo: number, audible: boolean): void {
    const item = answer.items.get(id);
    const ms = Math.floor(samplesToMs(upTo)) - (item?.reportedMs ?? 0);
    if (!item || ms <= 0) return;
    item.reportedMs += ms;
    this.#dispatch({ type: 'response.audio', response, item: id, ms, audible });
    if (!answer.isBlocked) this.#policy.sound(response, id, ms);
  }

  rule(response: string, { violation, shown, clearedMs, awaitsWords }: Ruling): void {
    const answer = this.#answers.get(response);
    if (!answer || answer.isBlocked) return;
    if (violation) {
      answer.isBlocked = true;
      this.#options.onViolation(response, answer.turn, violation);
      return;
    }
    if (this.#isWanted(response)) {
      for (const { item, text, isWhole } of shown) {
        this.#send({ type: isWhole ? 'transcript.done' : 'transcript.delta', item, role: 'agent', text });
      }
    }
    // The same mark again says that policy is awake: its time is for verdicts, not for words that have yet to come.
    if (this.#options.isStrict && (clearedMs > answer.clearedMs || awaitsWords)) {
      answer.clearedMs = clearedMs;
      this.#dispatch({ type: 'policy.cleared', response, upToMs: clearedMs });
    }
  }

  stop(response: string): void {
    const answer = this.#answers.get(response);
    if (answer) answer.isBlocked = true;
  }

  created(response: string, turn: string | null): void {
    this.#answers.set(response, {
      turn,
      isAudible: false,
      isTextSeen: false,
      isBlocked: false,
      clearedMs: 0,
      items: new Map(),
    });
    const oldest = this.#answers.size > MOST_RESPONSES ? this.#answers.keys().next().value : undefined;
    if (oldest !== undefined) this.#answers.delete(oldest);
    this.#dispatch({ type: 'response.created', response, turn: turn ?? 'uninvited' });
    this.#policy.created(response, turn !== null && this.#options.isHeld(turn));
    if (turn !== null) this.#options.onCreated(response, turn);
  }

  sound(response: string, id: string, samples: Int16Array): void {
    const answer = this.#answers.get(response);
    if (!answer || answer.isBlocked) return;
    let item = answer.items.get(id);
    if (!item) {
      item = { received: 0, reportedMs: 0 };
      answer.items.set(id, item);
    }
    const before = item.received;
    item.received += samples.length;
    if (
      answer.turn !== null &&
      this.#isWanted(response) &&
      !this.#downlink.receive(response, answer.turn, id, samples)
    ) {
      // More than a session may hold: what is held drains, the rest is not wanted.
      answer.turn = null;
      this.#options.cancel(response);
      this.#dispatch({ type: 'response.error', code: 'too_much_sound', response });
      return;
    }
    if (!answer.isAudible) {
      const first = firstAudible(samples);
      if (first < 0) {
        this.#report(response, id, answer, item.received, false);
        return;
      }
      answer.isAudible = true;
      const start = Math.max(0, before + first - PREROLL);
      this.#report(response, id, answer, start, false);
      this.#downlink.trim(response, id, start);
    }
    this.#report(response, id, answer, item.received, true);
  }

  text(response: string, item: string, delta: string): void {
    const answer = this.#answers.get(response);
    if (!answer || answer.isBlocked) return;
    if (!answer.isTextSeen) {
      answer.isTextSeen = true;
      this.#dispatch({ type: 'response.text', response });
    }
    this.#policy.text(response, item, delta);
  }

  textDone(response: string, item: string, text: string): void {
    const answer = this.#answers.get(response);
    if (!answer || answer.isBlocked) return;
    this.#policy.textDone(response, item, text);
  }

  generated(response: string, text: string): void {
    const turn = this.#answers.get(response)?.isBlocked === false ? this.turnOf(response) : null;
    if (turn !== null) this.#options.onGenerated(response, turn, text);
    this.#dispatch({ type: 'response.generated', response, question: isQuestion(text) });
    this.#downlink.complete(response);
  }

  done(response: string, status: DoneStatus): void {
    this.#dispatch({ type: 'response.done', response, status });
    this.#downlink.complete(response);
  }

  lost(): void {
    for (const response of this.#answers.keys()) this.#downlink.complete(response);
  }

  turnOf(response: string): string | null {
    const turn = this.#answers.get(response)?.turn ?? null;
    return turn !== null && this.#isWanted(response) ? turn : null;
  }
}

export function createAnswers(options: AnswersOptions): Answers {
  return new AnswerGate(options);
}
