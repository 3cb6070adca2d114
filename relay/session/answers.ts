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

export function createAnswers(options: AnswersOptions): Answers {
  const { policy, downlink, send, dispatch, isWanted } = options;
  const answers = new Map<string, Answer>();

  function rule(response: string, { violation, shown, clearedMs, awaitsWords }: Ruling): void {
    const answer = answers.get(response);
    if (!answer || answer.isBlocked) return;
    if (violation) {
      answer.isBlocked = true;
      options.onViolation(response, answer.turn, violation);
      return;
    }
    if (isWanted(response)) {
      for (const { item, text, isWhole } of shown) {
        send({ type: isWhole ? 'transcript.done' : 'transcript.delta', item, role: 'agent', text });
      }
    }
    // The same mark again says that policy is awake: its time is for verdicts, not for words that have yet to come.
    if (options.isStrict && (clearedMs > answer.clearedMs || awaitsWords)) {
      answer.clearedMs = clearedMs;
      dispatch({ type: 'policy.cleared', response, upToMs: clearedMs });
    }
  }

  /** Tells the arbiter of the item's sound up to sample `upTo`, in whole milliseconds. */
  function report(response: string, id: string, answer: Answer, upTo: number, audible: boolean): void {
    const item = answer.items.get(id);
    const ms = Math.floor(samplesToMs(upTo)) - (item?.reportedMs ?? 0);
    if (!item || ms <= 0) return;
    item.reportedMs += ms;
    dispatch({ type: 'response.audio', response, item: id, ms, audible });
    if (!answer.isBlocked) policy.sound(response, id, ms);
  }

  return {
    rule,
    stop(response) {
      const answer = answers.get(response);
      if (answer) answer.isBlocked = true;
    },
    created(response, turn) {
      answers.set(response, {
        turn,
        isAudible: false,
        isTextSeen: false,
        isBlocked: false,
        clearedMs: 0,
        items: new Map(),
      });
      const oldest = answers.size > MOST_RESPONSES ? answers.keys().next().value : undefined;
      if (oldest !== undefined) answers.delete(oldest);
      dispatch({ type: 'response.created', response, turn: turn ?? 'uninvited' });
      policy.created(response, turn !== null && options.isHeld(turn));
      if (turn !== null) options.onCreated(response, turn);
    },
    sound(response, id, samples) {
      const answer = answers.get(response);
      if (!answer || answer.isBlocked) return;
      let item = answer.items.get(id);
      if (!item) {
        item = { received: 0, reportedMs: 0 };
        answer.items.set(id, item);
      }
      const before = item.received;
      item.received += samples.length;
      if (answer.turn !== null && isWanted(response) && !downlink.receive(response, answer.turn, id, samples)) {
        // More than a session may hold: what is held drains, the rest is not wanted.
        answer.turn = null;
        options.cancel(response);
        dispatch({ type: 'response.error', code: 'too_much_sound', response });
        return;
      }
      if (!answer.isAudible) {
        const first = firstAudible(samples);
        if (first < 0) {
          report(response, id, answer, item.received, false);
          return;
        }
        answer.isAudible = true;
        const start = Math.max(0, before + first - PREROLL);
        report(response, id, answer, start, false);
        downlink.trim(response, id, start);
      }
      report(response, id, answer, item.received, true);
    },
    text(response, item, delta) {
      const answer = answers.get(response);
      if (!answer || answer.isBlocked) return;
      if (!answer.isTextSeen) {
        answer.isTextSeen = true;
        dispatch({ type: 'response.text', response });
      }
      policy.text(response, item, delta);
    },
    textDone(response, item, text) {
      const answer = answers.get(response);
      if (!answer || answer.isBlocked) return;
      policy.textDone(response, item, text);
    },
    generated(response, text) {
      const turn = answers.get(response)?.isBlocked === false ? this.turnOf(response) : null;
      if (turn !== null) options.onGenerated(response, turn, text);
      dispatch({ type: 'response.generated', response, question: isQuestion(text) });
      downlink.complete(response);
    },
    done(response, status) {
      dispatch({ type: 'response.done', response, status });
      downlink.complete(response);
    },
    lost() {
      for (const response of answers.keys()) downlink.complete(response);
    },
    turnOf(response) {
      const turn = answers.get(response)?.turn ?? null;
      return turn !== null && isWanted(response) ? turn : null;
    },
  };
}
