/**
 * Somebody who talks: asks, listens to the answer, thinks, asks again; sometimes talks into an
 * answer. A microphone that never stops paces it. Comes back when its connection is cut.
 */
import type { RelayMessage } from '#wire';
import { createEar, type Ear } from './ear.ts';
import { createPageLink, LinkRefused, type LinkEnd } from './page-link.ts';
import type { Random } from './random.ts';
import type { Phrase, Voice } from './speech-frames.ts';
import type { Tally } from './tally.ts';

/** How long the widget's detector takes to be sure, and to be sure of the end. */
const ONSET_MS = 40;
const OFFSET_MS = 100;
const FRAME_MS = 20;
const BATCH_MS = 100;
/** A question that nobody answers for so long is counted, and another one asked. */
const PATIENCE_MS = 30_000;
/** Behind by more than this the microphone lets go of what it could not send. */
const MOST_BEHIND_MS = 500;
/** A newer token is asked for when this much of the old one's life is left. */
const RENEW_BEFORE_MS = 120_000;
const SHARE_OF_INTERRUPTIONS = 0.12;
const SHARE_OF_STORIES = 0.06;

export interface Habits {
  /** Silence between an answer and the next question, in milliseconds. */
  pauseMs: readonly [number, number];
}

export interface TalkerOptions {
  url: string;
  origin: string;
  voice: Voice;
  habits: Habits;
  random: Random;
  tally: Tally;
  /** A token of this page; `previous` when it is to renew that one. */
  token: (previous?: string) => Promise<string>;
  /** The conversation is over, for whatever reason. */
  onOver: () => void;
}

export interface Talker {
  /** Resolves when the conversation has begun, or could not: then it was counted. */
  begin(): Promise<void>;
  /** Says goodbye. */
  end(): void;
  /** Closes the page without a word. */
  vanish(): void;
  /** Loses the connection, and comes back after `afterMs`. */
  lose(afterMs: number): Promise<void>;
  readonly mayResume: boolean;
}

type Doing =
  | { is: 'thinking'; untilMs: number }
  | { is: 'speaking'; phrase: Phrase; at: number; utterance: string; isTold: boolean }
  | { is: 'waiting'; sinceMs: number; interruptAfterMs: number | null };

export function createTalker(options: TalkerOptions): Talker {
  const { url, origin, voice, habits, random, tally } = options;
  const now = () => performance.now();
  let doing: Doing = { is: 'thinking', untilMs: 0 };
  let utterances = 0;
  let spokeUntilMs = 0;
  let isOver = false;
  let isAway = false;
  let isLeaving = false;
  let token = '';
  let micTimer: NodeJS.Timeout | undefined;
  let renewTimer: NodeJS.Timeout | undefined;
  const turns = new Map<
    string,
    { startedAt: number; isHeard: boolean; isAnswerHeard: boolean; isClipHeard: boolean }
  >();
  let hasEnded = false;

  const ear: Ear = createEar({
    now,
    later(ms, call) {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
    send: (message) => link.send(message),
    onFirst: (turn) => sounded(turn),
    onClip: () => sounded(undefined),
    onUnderrun: (ms) => {
      if (!isAway) tally.add('underrunsMs', ms);
    },
  });
  const link = createPageLink({ url, origin, onMessage, onFrame: (frame) => ear.frame(frame), onEnd });

  /** @param of - The turn whose answer it is; a clip belongs to the newest. */
  function sounded(of: string | undefined): void {
    const turn = of === undefined ? [...turns.values()].at(-1) : turns.get(of);
    if (turn === undefined || isAway) return;
    if (!turn.isHeard) {
      tally.add('firstByteMs', now() - turn.startedAt);
      if (spokeUntilMs > 0) tally.add('perceivedMs', now() - spokeUntilMs);
      spokeUntilMs = 0;
    }
    turn.isHeard = true;
    if (of === undefined && !turn.isClipHeard) {
      turn.isClipHeard = true;
      tally.add('reflexMs', now() - turn.startedAt);
    }
    if (of !== undefined && !turn.isAnswerHeard) {
      turn.isAnswerHeard = true;
      tally.add('answerMs', now() - turn.startedAt);
    }
  }

  function think(): void {
    doing = { is: 'thinking', untilMs: now() + random.between(...habits.pauseMs) };
  }
  function speak(phrase: Phrase): void {
    utterances += 1;
    doing = { is: 'speaking', phrase, at: 0, utterance: `u${utterances}`, isTold: false };
  }

  function onMessage(message: RelayMessage): void {
    ear.message(message);
    switch (message.type) {
      case 'session.created':
        turns.clear();
        tally.count('session begun');
        link.send({ type: 'session.start', turn: 'auto', locale: 'en-GB' });
        renewIn(message.tokenExpiresInMs);
        break;
      case 'auth.accepted':
        tally.count('token renewed');
        renewIn(message.tokenExpiresInMs);
        break;
      case 'turn.started':
        turns.set(message.turn, { startedAt: now(), isHeard: false, isAnswerHeard: false, isClipHeard: false });
        break;
      case 'turn.ended':
        if (message.firstSentMs.B !== undefined) tally.add('sentMs', message.firstSentMs.B);
        turns.delete(message.turn);
        hasEnded = true;
        // Who hangs up in the middle of an answer has not been failed.
        tally.count(isLeaving ? 'answer left' : `turn ${message.outcome}`);
        break;
      case 'provider.changed':
        if (!message.up) tally.count('provider down');
        break;
      case 'relay.draining':
        tally.count('draining');
        break;
      case 'error':
        tally.count(`error ${message.code}`);
        break;
      default:
    }
  }

  function renewIn(lifeMs: number): void {
    clearTimeout(renewTimer);
    renewTimer = setTimeout(() => void renew(), Math.max(1_000, lifeMs - RENEW_BEFORE_MS));
  }
  async function renew(): Promise<void> {
    const fresh = await options.token(token).catch(() => undefined);
    if (fresh === undefined) {
      tally.count('token refused');
      renewIn(RENEW_BEFORE_MS + 5_000);
      return;
    }
    token = fresh;
    link.send({ type: 'auth', token });
  }

  function over(): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(micTimer);
    clearTimeout(renewTimer);
    ear.stop();
    options.onOver();
  }
  function onEnd({ code, isOurs }: LinkEnd): void {
    if (isOver) return;
    tally.count(isOurs && code === 1000 ? 'close 1000, wished' : `close ${code}`);
    over();
  }

  /** What the person does next, decided as the microphone turns. */
  function decide(): void {
    if (doing.is === 'thinking' && now() >= doing.untilMs && !ear.isPlaying && turns.size === 0) {
      speak(random.chance(SHARE_OF_STORIES) ? voice.story : random.pick(voice.questions));
    } else if (doing.is === 'waiting') {
      const { sinceMs, interruptAfterMs } = doing;
      if (interruptAfterMs !== null && ear.heardMs > interruptAfterMs) {
        tally.count('interruption');
        speak(random.pick(voice.interruptions));
      } else if (hasEnded && turns.size === 0 && !ear.isPlaying) think();
      else if (now() - sinceMs > PATIENCE_MS && !ear.isPlaying) {
        tally.count('question unanswered');
        think();
      }
    }
  }

  function spoke(one: Extract<Doing, { is: 'speaking' }>): void {
    spokeUntilMs = now();
    hasEnded = false;
    setTimeout(() => {
      if (!isOver) link.send({ type: 'user.offset', utterance: one.utterance });
    }, OFFSET_MS);
    const interruptAfterMs =
      one.phrase === voice.story || random.chance(SHARE_OF_INTERRUPTIONS) ? random.between(600, 4_000) : null;
    doing = { is: 'waiting', sinceMs: now(), interruptAfterMs };
  }

  /** @param due - When this frame should have left. */
  function microphone(due: number): void {
    if (isOver) return;
    decide();
    let lengthMs = BATCH_MS;
    if (doing.is === 'speaking') {
      const one = doing;
      lengthMs = FRAME_MS;
      link.frame(one.phrase.frames[one.at] ?? voice.room);
      one.at += 1;
      if (!one.isTold && one.at * FRAME_MS >= ONSET_MS) {
        one.isTold = true;
        const paused = ear.interrupt();
        link.send({ type: 'user.onset', utterance: one.utterance, epoch: ear.epoch, level: -22, paused });
      }
      if (one.at >= one.phrase.frames.length) spoke(one);
    } else link.frame(voice.room);
    const next = Math.max(due + lengthMs, now() - MOST_BEHIND_MS);
    micTimer = setTimeout(() => microphone(next), Math.max(0, next - now()));
  }

  /** @returns whether it is connected. */
  async function connect(): Promise<boolean> {
    const started = now();
    try {
      const how = await link.open(token, ear.epoch);
      if (isAway) {
        tally.count(how === 'created' ? 'resume lost' : `resumed ${how}`);
        tally.add('resumeMs', now() - started);
        isAway = false;
      }
      return true;
    } catch (error) {
      tally.count(error instanceof LinkRefused ? `refused ${error.code}` : 'connection failed');
      over();
      return false;
    }
  }

  return {
    async begin() {
      try {
        token = await options.token();
      } catch {
        tally.count('token refused');
        over();
        return;
      }
      if (!(await connect())) return;
      think();
      // Not all at the same moment.
      const due = now() + random.between(0, BATCH_MS);
      micTimer = setTimeout(() => microphone(due), due - now());
    },
    end() {
      isLeaving = true;
      // Nobody is there to be told; the relay keeps the session for its while.
      if (isAway) over();
      else link.end();
    },
    vanish() {
      tally.count('vanished');
      over();
      link.cut();
    },
    async lose(afterMs) {
      isAway = true;
      link.cut();
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      if (!isOver) await connect();
    },
    get mayResume() {
      return link.mayResume;
    },
  };
}
