/**
 * Who is speaking, as one story from two detectors: the widget's, which is quick, and the
 * provider's, which makes user items. Gives each speech one id, ends it once, and rules it by its
 * words where they tell an acknowledgement from an interruption. What follows from that is the
 * arbiter's decision.
 */
import type { Verdict } from '#arbiter';
import type { Clock } from '../clock.ts';
import type { Happening } from './arbiter-shell.ts';
import { verdictWords } from './verdict-words.ts';

/** The provider's detector is behind by its window and the network: still the same speech. */
const LATE_DETECTION_MS = 700;
/** A longer speech is no acknowledgement; its commit waits for no words. */
const LONGEST_BACKCHANNEL_MS = 1_500;
/** How long a commit waits for words that may rule it. */
const WORDS_WAIT_MS = 800;
/** The same for what only the provider heard while the agent was audible: nothing is held for it. */
const ECHO_WAIT_MS = 3_000;
/** Without any word, shorter speech over the agent is noise. */
const LONGEST_WORDLESS_MS = 700;
/** The provider's span holds its prefix and its silence window; beyond this somebody did speak. */
const CERTAIN_SPAN_MS = 1_200;
/** Speech over the agent that is so much softer than the user's own comes from somebody else in the room. */
const FAINT_DB = 15;
/** Of the user's own level, one utterance counts so much. */
const LEARN = 0.3;
/** The arbiter would take what is undecided for an interruption; faint speech is ruled before. */
const BEFORE_DECISION_MS = 100;
/** Speeches and items remembered. */
const MOST_REMEMBERED = 64;

/** Transcribers write sounds that are no words in brackets. */
const NO_WORDS = /\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|<[^>]*>/g;

interface Utterance {
  id: string;
  /** The widget's name for it; null when only the provider heard it. */
  key: string | null;
  /** The user item it becomes part of. */
  item: string | null;
  startedAt: number;
  endedAt: number | null;
  /** How long the widget heard it, once it has said so: the silence that tells of the end is not in it. */
  heardMs: number | null;
  level: number | undefined;
  isOverAgent: boolean;
  verdict: Verdict | null;
  /** Ruled an interruption before it ended: then it is one for the arbiter, too, however short it was. */
  hasCutIn: boolean;
  /** Too soft for the user: it was let go, and only words make a turn of it. */
  isFaint: boolean;
  /** The provider was lost before it made a turn of it: the next one hears it as if it were new. */
  isSaidAgain: boolean;
}

interface UserItem {
  text: string;
  isTextComplete: boolean;
  /** The provider's own detector made it; push-to-talk has none. */
  isDetected: boolean;
  isSpeaking: boolean;
  startedAtMs: number;
  spanMs: number;
  /** Only the provider heard it, over the agent: an echo, unless its words say otherwise. */
  isDoubtful: boolean;
  /** Doubtful, over, and waiting for its words. */
  cancelWait: (() => void) | null;
}

export interface SpeechOptions {
  clock: Clock;
  locale: string;
  /** Speech shorter than this is noise by its length alone. */
  minSpeechMs: number;
  /** How long the arbiter holds the agent for speech that nobody ruled. */
  decisionMs: number;
  now: () => number;
  dispatch: (event: Happening) => void;
  /** Runs a job of this file's timers in the session's order. */
  run: (job: () => void) => void;
  /** Whether there is an answer to talk over: heard, paused, or on its way. */
  isAgentActive: () => boolean;
  /** Whether the agent's voice may be in the microphone. */
  isAgentAudible: () => boolean;
  /** Whether the agent itself has lately said this. */
  hasAgentSaid: (text: string) => boolean;
  /** The item is nobody's speech: it goes out of the model's memory and makes no turn. */
  drop: (item: string) => void;
  /** The user's turn is over; `utterances` is absent when no detector told of any. */
  commit: (item: string, utterances: string[] | undefined) => void;
}

export interface Speech {
  /** The widget heard somebody begin, or the same speech again, louder. */
  onset(key: string, level: number | undefined): void;
  /** `ms`: how long the widget heard it, without the silence that ended it. */
  offset(key: string, ms?: number): void;
  /** Ends what the widget's detector holds open. */
  muted(): void;
  /** The user pressed to talk, or to interrupt: no words are needed. @returns the id. */
  press(key: string): string;
  /** @returns the id of what ended, if it was open. */
  release(key: string): string | undefined;
  /** What was said makes no turn. */
  discard(id: string): void;
  /**
   * Part of the open speech never came: none of it makes a turn.
   *
   * @param key - The widget's name for it; all that is open without it.
   * @returns the ids, and how long the longest of it was, in milliseconds.
   */
  lose(key?: string): { ids: string[]; longestMs: number };
  providerStarted(item: string, atMs: number): void;
  providerStopped(item: string, atMs: number): void;
  committed(item: string): void;
  /** All words of the item so far. */
  words(item: string, text: string, isComplete: boolean): void;
  /** The provider is gone: what waited for it does not come. */
  providerLost(): void;
  stop(): void;
}

export function createSpeech(options: SpeechOptions): Speech {
  const { clock, now, dispatch, minSpeechMs } = options;
  const words = verdictWords(options.locale);
  let utterances: Utterance[] = [];
  const items = new Map<string, UserItem>();
  /** Items of lost speech: nobody's, if they come all the same. */
  const lost = new Set<string>();
  let count = 0;
  /** The widget's detector has been seen to work, and has missed nothing with words in it since. */
  let isWidgetHearing = false;
  /** A turn that only the provider heard; its words would show that the widget's detector is deaf. */
  let missed: string | null = null;
  /** How loud the user is: the loudest of what they said, in dBFS, over their turns. */
  let ownLevel: number | null = null;
  let cancelFaint: (() => void) | null = null;
  let waiting: { item: string; cancel: () => void } | null = null;

  const msOf = (one: Utterance) => one.heardMs ?? (one.endedAt ?? now()) - one.startedAt;
  const isShort = (one: Utterance) => one.endedAt !== null && msOf(one) < minSpeechMs;
  const isDoubted = (one: Utterance) => one.isFaint || isShort(one);
  const lengthOf = (some: Utterance[]) => some.reduce((sum, one) => sum + msOf(one), 0);
  const ofItem = (item: string) => utterances.filter((one) => one.item === item);
  const openByKey = (key: string) => utterances.find((one) => one.key === key && one.endedAt === null);

  function itemOf(id: string): UserItem {
    let item = items.get(id);
    if (!item) {
      const nothing = { text: '', isTextComplete: false, startedAtMs: 0, spanMs: 0 };
      item = { ...nothing, isDetected: false, isSpeaking: false, isDoubtful: false, cancelWait: null };
      items.set(id, item);
      const oldest = items.size > MOST_REMEMBERED ? items.keys().next().value : undefined;
      if (oldest !== undefined) items.delete(oldest);
    }
    return item;
  }

  function begin(source: 'widget' | 'provider', key: string | null, item: string | null, level?: number): Utterance {
    count += 1;
    const isOverAgent = options.isAgentActive();
    const id = `utterance_${count}`;
    const startedAt = now();
    const open = { endedAt: null, heardMs: null, verdict: null, hasCutIn: false, isFaint: false, isSaidAgain: false };
    const one: Utterance = { id, key, item, startedAt, ...open, level, isOverAgent };
    utterances.push(one);
    if (utterances.length > MOST_REMEMBERED) utterances = utterances.slice(-MOST_REMEMBERED);
    tell(one, source);
    if (isSoft(one)) {
      cancelFaint?.();
      const atMs = clock.now() + Math.max(0, options.decisionMs - BEFORE_DECISION_MS);
      cancelFaint = clock.wakeAt(atMs, () => options.run(() => letGo(one)));
    }
    return one;
  }

  function isSoft({ isOverAgent, level }: Utterance): boolean {
    return isOverAgent && ownLevel !== null && level !== undefined && level <= ownLevel - FAINT_DB;
  }

  /** It goes on, and it has not become louder: the agent need not wait for it. */
  function letGo(one: Utterance): void {
    cancelFaint = null;
    if (one.endedAt !== null || one.verdict !== null || !isSoft(one)) return;
    one.isFaint = true;
    rule([one], 'noise');
  }

  function learn(some: Utterance[]): void {
    for (const one of some) {
      // An acknowledgement is said softer than what is meant to be heard.
      if (one.level === undefined || isDoubted(one) || (one.verdict ?? 'interrupt') !== 'interrupt') continue;
      ownLevel = ownLevel === null ? one.level : ownLevel + LEARN * (one.level - ownLevel);
    }
  }

  function tell(one: Utterance, source: 'widget' | 'provider'): void {
    const level = one.level === undefined ? {} : { level: one.level };
    dispatch({ type: 'user.onset', utterance: one.id, source, ...level });
  }

  function end(one: Utterance, heardMs?: number): void {
    if (one.endedAt !== null) return;
    one.endedAt = now();
    one.heardMs = heardMs ?? null;
    // Detectors tell of an end when it has been silent for a while: a cough would seem long by then.
    if (isShort(one) && one.endedAt - one.startedAt >= minSpeechMs) rule([one], 'noise');
    // What was said before there was a connection comes all at once, and would seem short to the arbiter.
    const isSudden = one.endedAt - one.startedAt < minSpeechMs;
    if (isSudden && !isShort(one) && !one.isOverAgent) rule([one], 'interrupt');
    dispatch({ type: 'user.offset', utterance: one.id });
  }

  function rule(some: Utterance[], verdict: Verdict): void {
    for (const one of some) {
      if (one.verdict === verdict || one.verdict === 'interrupt') continue;
      one.verdict = verdict;
      one.hasCutIn = verdict === 'interrupt' && one.endedAt === null;
      dispatch({ type: 'user.verdict', utterance: one.id, verdict });
    }
  }

  /** What the words so far say of speech over the agent. */
  function judge(id: string): void {
    const { text, isTextComplete } = itemOf(id);
    const mine = ofItem(id);
    const over = mine.filter((one) => one.isOverAgent);
    if (over.length === 0 || over.length < mine.length) return;
    if (words.isStop(text, isTextComplete)) {
      rule(over, 'interrupt');
      return;
    }
    if (!isTextComplete) return;
    if (words.isAcknowledgement(text)) rule(over, 'backchannel');
    else if (text !== '') rule(over, 'interrupt');
    // Transcription may also have failed: only what is too short for a sentence is noise.
    else if (lengthOf(over) < LONGEST_WORDLESS_MS) rule(over, 'noise');
  }

  /** Whether words may still change what the commit of the item means. */
  function mustWait(id: string, mine: Utterance[]): boolean {
    if (mine.length === 0 || itemOf(id).isTextComplete) return false;
    if (mine.every(isDoubted)) return true;
    return (
      options.isAgentActive() &&
      mine.every((one) => one.isOverAgent && one.verdict === null) &&
      lengthOf(mine) <= LONGEST_BACKCHANNEL_MS
    );
  }

  /** Too short or too faint for the widget, and yet a turn: by its words, or by how long the provider heard it. */
  function isTurnAllTheSame(id: string, mine: Utterance[]): boolean {
    if (mine.length === 0 || !mine.every(isDoubted)) return false;
    const { text, isTextComplete, spanMs } = itemOf(id);
    if (!isTextComplete) return spanMs > CERTAIN_SPAN_MS && !mine.some((one) => one.isFaint);
    return text !== '' && !(mine.some((one) => one.isOverAgent) && words.isAcknowledgement(text));
  }

  /** Words tell whether what only the provider heard over the agent was the agent itself. */
  function settleDoubt(id: string): void {
    const { text, cancelWait } = itemOf(id);
    cancelWait?.();
    items.delete(id);
    const isNothing =
      text === '' || options.hasAgentSaid(text) || (options.isAgentActive() && words.isAcknowledgement(text));
    if (isNothing) options.drop(id);
    else options.commit(id, []);
  }

  function pass(id: string): void {
    if (waiting?.item === id) {
      waiting.cancel();
      waiting = null;
    }
    const mine = ofItem(id);
    if (mine.some((one) => !one.isOverAgent) && mine.every((one) => one.key === null)) {
      if (itemOf(id).text === '') missed = id;
      else isWidgetHearing = false;
    }
    // What was ruled noise would make it no turn; what was ruled an interruption is over with it, or it would
    // go on asking for a decision.
    const told = isTurnAllTheSame(id, mine) ? mine.filter(({ hasCutIn }) => hasCutIn) : mine;
    const named = told.map((one) => one.id);
    learn(mine);
    utterances = utterances.filter((one) => one.item !== id);
    items.delete(id);
    options.commit(id, mine.length === 0 ? undefined : named);
  }

  function forgetItems(): void {
    for (const { cancelWait } of items.values()) cancelWait?.();
    items.clear();
  }

  function offset(key: string, heardMs?: number): Utterance | undefined {
    const one = openByKey(key);
    if (one) end(one, heardMs);
    return one;
  }

  return {
    onset(key, level) {
      isWidgetHearing = true;
      const open = openByKey(key);
      if (open) {
        open.level = level;
        if (open.isFaint && open.verdict === 'noise' && !isSoft(open)) {
          // The agent was let go on; somebody has come near, or raised their voice.
          end(open);
          begin('widget', key, open.item, level);
        } else tell(open, 'widget');
        return;
      }
      const unnamed = utterances.find((one) => one.key === null && one.endedAt === null);
      if (unnamed) {
        unnamed.key = key;
        unnamed.level = level;
        tell(unnamed, 'widget');
        return;
      }
      const speaking = [...items].find(([, item]) => item.isSpeaking)?.[0] ?? null;
      begin('widget', key, speaking, level);
    },
    offset: (key, ms) => void offset(key, ms),
    muted() {
      for (const one of utterances) if (one.key !== null) end(one);
    },
    press(key) {
      const one = openByKey(key) ?? begin('widget', key, null);
      rule([one], 'interrupt');
      return one.id;
    },
    release: (key) => offset(key)?.id,
    discard(id) {
      utterances = utterances.filter((one) => one.id !== id);
    },
    lose(key) {
      const open = utterances.filter((one) => one.endedAt === null && (key === undefined || one.key === key));
      for (const one of open) {
        end(one);
        if (one.item === null) continue;
        lost.add(one.item);
        items.delete(one.item);
        const oldest = lost.size > MOST_REMEMBERED ? lost.keys().next().value : undefined;
        if (oldest !== undefined) lost.delete(oldest);
      }
      utterances = utterances.filter((one) => !open.includes(one));
      return { ids: open.map(({ id }) => id), longestMs: Math.max(0, ...open.map(msOf)) };
    },
    providerStarted(id, atMs) {
      const item = itemOf(id);
      item.isDetected = true;
      item.isSpeaking = true;
      item.startedAtMs = atMs;
      const since = now() - LATE_DETECTION_MS;
      const isRecent = (one: Utterance) => one.endedAt === null || one.endedAt >= since || one.isSaidAgain;
      const same = utterances.filter((one) => one.item === null && isRecent(one));
      for (const one of same) {
        one.item = id;
        one.isSaidAgain = false;
      }
      if (same.length > 0) item.isDoubtful = false;
      else if (isWidgetHearing && options.isAgentAudible()) item.isDoubtful = true;
      else begin('provider', null, id);
      for (const one of same) if (one.endedAt === null) tell(one, 'provider');
    },
    providerStopped(id, atMs) {
      if (lost.has(id)) return;
      const item = itemOf(id);
      item.isSpeaking = false;
      item.spanMs = atMs - item.startedAtMs;
      // Its silence window is longer than the widget's: nobody speaks any more.
      for (const one of ofItem(id)) end(one);
    },
    committed(id) {
      if (lost.delete(id)) {
        options.drop(id);
        return;
      }
      if (waiting) pass(waiting.item);
      for (const [other, item] of [...items]) if (item.cancelWait !== null) settleDoubt(other);
      // Push-to-talk has no detector of the provider's: what ended belongs to this item.
      const isDetected = items.get(id)?.isDetected ?? false;
      if (!isDetected) for (const one of utterances) if (one.item === null && one.endedAt !== null) one.item = id;
      const mine = ofItem(id);
      const { isDoubtful, isTextComplete } = itemOf(id);
      if (isDoubtful && mine.length === 0) {
        const settle = () => options.run(() => settleDoubt(id));
        if (isTextComplete) settleDoubt(id);
        else itemOf(id).cancelWait = clock.wakeAt(clock.now() + ECHO_WAIT_MS, settle);
        return;
      }
      for (const one of mine) end(one);
      if (!mustWait(id, mine)) {
        pass(id);
        return;
      }
      const cancel = clock.wakeAt(clock.now() + WORDS_WAIT_MS, () => options.run(() => pass(id)));
      waiting = { item: id, cancel };
    },
    words(id, text, isComplete) {
      if (lost.has(id)) return;
      const item = itemOf(id);
      item.text = text.replace(NO_WORDS, '').trim() === '' ? '' : text;
      item.isTextComplete = isComplete;
      if (id === missed && isComplete) {
        missed = null;
        if (item.text !== '') isWidgetHearing = false;
      }
      judge(id);
      if (isComplete && waiting?.item === id) pass(id);
      if (isComplete && item.cancelWait !== null) settleDoubt(id);
    },
    providerLost() {
      if (waiting) pass(waiting.item);
      for (const one of utterances) {
        if (one.key === null) end(one);
        // What no turn was made of is said again to the next provider, which gives it another name.
        one.isSaidAgain = one.item !== null;
        one.item = null;
      }
      forgetItems();
    },
    stop() {
      waiting?.cancel();
      waiting = null;
      cancelFaint?.();
      cancelFaint = null;
      utterances = [];
      forgetItems();
    },
  };
}
