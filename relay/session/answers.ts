/**
 * What the model says, on its way in: sound is kept in the downlink and told to the arbiter in
 * whole milliseconds, words go to policy before anybody sees them. What belongs to a response
 * that nobody waits for is told and not kept.
 */
import type { DoneStatus } from '#arbiter';
import { msToSamples, samplesToMs, type RelayMessage } from '#wire';
import type { PolicyJudge, PolicyRuling } from '../policy/judge.ts';
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
  judge: PolicyJudge;
  isStrict: boolean;
  downlink: Downlink;
  send: (message: RelayMessage) => void;
  dispatch: (event: Happening) => void;
  /** Whether the arbiter may still admit the response. */
  isWanted: (response: string) => boolean;
  cancel: (response: string) => void;
}

export interface Answers {
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
  const { judge, downlink, send, dispatch, isWanted } = options;
  const answers = new Map<string, Answer>();

  function apply(response: string, item: string, answer: Answer, ruling: PolicyRuling): void {
    if (ruling.blocked !== null) {
      answer.isBlocked = true;
      dispatch({ type: 'policy.blocked', response, reason: ruling.blocked });
      return;
    }
    if (ruling.shown !== '' && isWanted(response)) {
      send({ type: 'transcript.delta', item, role: 'agent', text: ruling.shown });
    }
    if (options.isStrict && ruling.clearedMs > answer.clearedMs) {
      answer.clearedMs = ruling.clearedMs;
      dispatch({ type: 'policy.cleared', response, upToMs: ruling.clearedMs });
    }
  }

  /** Tells the arbiter of the item's sound up to sample `upTo`, in whole milliseconds. */
  function report(response: string, id: string, answer: Answer, upTo: number, audible: boolean): void {
    const item = answer.items.get(id);
    const ms = Math.floor(samplesToMs(upTo)) - (item?.reportedMs ?? 0);
    if (!item || ms <= 0) return;
    item.reportedMs += ms;
    dispatch({ type: 'response.audio', response, item: id, ms, audible });
    if (!answer.isBlocked) apply(response, id, answer, judge.sound(response, id, ms));
  }

  return {
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
      apply(response, item, answer, judge.text(response, item, delta));
    },
    textDone(response, item, text) {
      const answer = answers.get(response);
      if (!answer || answer.isBlocked) return;
      const ruling = judge.textDone(response, item, text);
      apply(response, item, answer, ruling);
      if (ruling.blocked === null && isWanted(response)) send({ type: 'transcript.done', item, role: 'agent', text });
    },
    generated(response, text) {
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
