/**
 * Who is speaking, as one story from two detectors: the widget's, which is quick, and the
 * provider's, which makes user items. Gives each speech one id, ends it once, and rules it by its
 * words where they tell an acknowledgement from an interruption. What follows from that is the
 * arbiter's decision.
 */
import type { Verdict } from '#arbiter';
import type { Clock } from '../clock.ts';
import type { Happening } from './arbiter-shell.ts';
import { verdictWords, type VerdictWords } from './verdict-words.ts';

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

class SpeechStory implements Speech {
  readonly #options: SpeechOptions;
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #dispatch: (event: Happening) => void;
  readonly #minSpeechMs: number;
  readonly #words: VerdictWords;
  #utterances: Utterance[] = [];
  readonly #items = new Map<string, UserItem>();
  /** Items of lost speech: nobody's, if they come all the same. */
  readonly #lost = new Set<string>();
  #count = 0;
  /** The widget's detector has been seen to work, and has missed nothing with words in it since. */
  #isWidgetHearing = false;
  /** A turn that only the provider heard; its words would show that the widget's detector is deaf. */
  #missed: string | null = null;
  /** How loud the user is: the loudest of what they said, in dBFS, over their turns. */
  #ownLevel: number | null = null;
  #cancelFaint: (() => void) | null = null;
  #waiting: { item: string; cancel: () => void } | null = null;

  constructor(options: SpeechOptions) {
    this.#options = options;
    const { clock, now, dispatch, minSpeechMs } = options;
    this.#clock = clock;
    this.#now = now;
    this.#dispatch = dispatch;
    this.#minSpeechMs = minSpeechMs;
    this.#words = verdictWords(options.locale);
  }

  #msOf(one: Utterance): number {
    return one.heardMs ?? (one.endedAt ?? this.#now()) - one.startedAt;
  }

  #isShort(one: Utterance): boolean {
    return one.endedAt !== null && this.#msOf(one) < this.#minSpeechMs;
  }

  #isDoubted(one: Utterance): boolean {
    return one.isFaint || this.#isShort(one);
  }

  #lengthOf(some: Utterance[]): number {
    return some.reduce((sum, one) => sum + this.#msOf(one), 0);
  }

  #ofItem(item: string): Utterance[] {
    return this.#utterances.filter((one) => one.item === item);
  }

  #openByKey(key: string): Utterance | undefined {
    return this.#utterances.find((one) => one.key === key && one.endedAt === null);
  }

  #itemOf(id: string): UserItem {
    let item = this.#items.get(id);
    if (!item) {
      const nothing = { text: '', isTextComplete: false, startedAtMs: 0, spanMs: 0 };
      item = { ...nothing, isDetected: false, isSpeaking: false, isDoubtful: false, cancelWait: null };
      this.#items.set(id, item);
      const oldest = this.#items.size > MOST_REMEMBERED ? this.#items.keys().next().value : undefined;
      if (oldest !== undefined) this.#items.delete(oldest);
    }
    return item;
  }

  #begin(source: 'widget' | 'provider', key: string | null, item: string | null, level?: number): Utterance {
    this.#count += 1;
    const isOverAgent = this.#options.isAgentActive();
    const id = `utterance_${this.#count}`;
    const startedAt = this.#now();
    const open = { endedAt: null, heardMs: null, verdict: null, hasCutIn: false, isFaint: false, isSaidAgain: false };
    const one: Utterance = { id, key, item, startedAt, ...open, level, isOverAgent };
    this.#utterances.push(one);
    if (this.#utterances.length > MOST_REMEMBERED) this.#utterances = this.#utterances.slice(-MOST_REMEMBERED);
    this.#tell(one, source);
    if (this.#isSoft(one)) {
      this.#cancelFaint?.();
      const atMs = this.#clock.now() + Math.max(0, this.#options.decisionMs - BEFORE_DECISION_MS);
      this.#cancelFaint = this.#clock.wakeAt(atMs, () => this.#options.run(() => this.#letGo(one)));
    }
    return one;
  }

  #isSoft({ isOverAgent, level }: Utterance): boolean {
    return isOverAgent && this.#ownLevel !== null && level !== undefined && level <= this.#ownLevel - FAINT_DB;
  }

  /** It goes on, and it has not become louder: the agent need not wait for it. */
  #letGo(one: Utterance): void {
    this.#cancelFaint = null;
    if (one.endedAt !== null || one.verdict !== null || !this.#isSoft(one)) return;
    one.isFaint = true;
    this.#rule([one], 'noise');
  }

  #learn(some: Utterance[]): void {
    for (const one of some) {
      // An acknowledgement is said softer than what is meant to be heard.
      if (one.level === undefined || this.#isDoubted(one) || (one.verdict ?? 'interrupt') !== 'interrupt') continue;
      this.#ownLevel = this.#ownLevel === null ? one.level : this.#ownLevel + LEARN * (one.level - this.#ownLevel);
    }
  }

  #tell(one: Utterance, source: 'widget' | 'provider'): void {
    const level = one.level === undefined ? {} : { level: one.level };
    this.#dispatch({ type: 'user.onset', utterance: one.id, source, ...level });
  }

  #end(one: Utterance, heardMs?: number): void {
    if (one.endedAt !== null) return;
    one.endedAt = this.#now();
    one.heardMs = heardMs ?? null;
    // Detectors tell of an end when it has been silent for a while: a cough would seem long by then.
    if (this.#isShort(one) && one.endedAt - one.startedAt >= this.#minSpeechMs) this.#rule([one], 'noise');
    // What was said before there was a connection comes all at once, and would seem short to the arbiter.
    const isSudden = one.endedAt - one.startedAt < this.#minSpeechMs;
    if (isSudden && !this.#isShort(one) && !one.isOverAgent) this.#rule([one], 'interrupt');
    this.#dispatch({ type: 'user.offset', utterance: one.id });
  }

  #rule(some: Utterance[], verdict: Verdict): void {
    for (const one of some) {
      if (one.verdict === verdict || one.verdict === 'interrupt') continue;
      one.verdict = verdict;
      one.hasCutIn = verdict === 'interrupt' && one.endedAt === null;
      this.#dispatch({ type: 'user.verdict', utterance: one.id, verdict });
    }
  }

  /** What the words so far say of speech over the agent. */
  #judge(id: string): void {
    const { text, isTextComplete } = this.#itemOf(id);
    const mine = this.#ofItem(id);
    const over = mine.filter((one) => one.isOverAgent);
    if (over.length === 0 || over.length < mine.length) return;
    if (this.#words.isStop(text, isTextComplete)) {
      this.#rule(over, 'interrupt');
      return;
    }
    if (!isTextComplete) return;
    if (this.#words.isAcknowledgement(text)) this.#rule(over, 'backchannel');
    else if (text !== '') this.#rule(over, 'interrupt');
    // Transcription may also have failed: only what is too short for a sentence is noise.
    else if (this.#lengthOf(over) < LONGEST_WORDLESS_MS) this.#rule(over, 'noise');
  }

  /** Whether words may still change what the commit of the item means. */
  #mustWait(id: string, mine: Utterance[]): boolean {
    if (mine.length === 0 || this.#itemOf(id).isTextComplete) return false;
    if (mine.every((one) => this.#isDoubted(one))) return true;
    return (
      this.#options.isAgentActive() &&
      mine.every((one) => one.isOverAgent && one.verdict === null) &&
      this.#lengthOf(mine) <= LONGEST_BACKCHANNEL_MS
    );
  }

  /** Too short or too faint for the widget, and yet a turn: by its words, or by how long the provider heard it. */
  #isTurnAllTheSame(id: string, mine: Utterance[]): boolean {
    if (mine.length === 0 || !mine.every((one) => this.#isDoubted(one))) return false;
    const { text, isTextComplete, spanMs } = this.#itemOf(id);
    if (!isTextComplete) return spanMs > CERTAIN_SPAN_MS && !mine.some((one) => one.isFaint);
    return text !== '' && !(mine.some((one) => one.isOverAgent) && this.#words.isAcknowledgement(text));
  }

  /** Words tell whether what only the provider heard over the agent was the agent itself. */
  #settleDoubt(id: string): void {
    const { text, cancelWait } = this.#itemOf(id);
    cancelWait?.();
    this.#items.delete(id);
    const isNothing =
      text === '' ||
      this.#options.hasAgentSaid(text) ||
      (this.#options.isAgentActive() && this.#words.isAcknowledgement(text));
    if (isNothing) this.#options.drop(id);
    else this.#options.commit(id, []);
  }

  #pass(id: string): void {
    if (this.#waiting?.item === id) {
      this.#waiting.cancel();
      this.#waiting = null;
    }
    const mine = this.#ofItem(id);
    if (mine.some((one) => !one.isOverAgent) && mine.every((one) => one.key === null)) {
      if (this.#itemOf(id).text === '') this.#missed = id;
      else this.#isWidgetHearing = false;
    }
    // What was ruled noise would make it no turn; what was ruled an interruption is over with it, or it would
    // go on asking for a decision.
    const told = this.#isTurnAllTheSame(id, mine) ? mine.filter(({ hasCutIn }) => hasCutIn) : mine;
    const named = told.map((one) => one.id);
    this.#learn(mine);
    this.#utterances = this.#utterances.filter((one) => one.item !== id);
    this.#items.delete(id);
    this.#options.commit(id, mine.length === 0 ? undefined : named);
  }

  #forgetItems(): void {
    for (const { cancelWait } of this.#items.values()) cancelWait?.();
    this.#items.clear();
  }

  #offset(key: string, heardMs?: number): Utterance | undefined {
    const one = this.#openByKey(key);
    if (one) this.#end(one, heardMs);
    return one;
  }

  onset(key: string, level: number | undefined): void {
    this.#isWidgetHearing = true;
    const open = this.#openByKey(key);
    if (open) {
      open.level = level;
      if (open.isFaint && open.verdict === 'noise' && !this.#isSoft(open)) {
        // The agent was let go on; somebody has come near, or raised their voice.
        this.#end(open);
        this.#begin('widget', key, open.item, level);
      } else this.#tell(open, 'widget');
      return;
    }
    const unnamed = this.#utterances.find((one) => one.key === null && one.endedAt === null);
    if (unnamed) {
      unnamed.key = key;
      unnamed.level = level;
      this.#tell(unnamed, 'widget');
      return;
    }
    const speaking = [...this.#items].find(([, item]) => item.isSpeaking)?.[0] ?? null;
    this.#begin('widget', key, speaking, level);
  }

  offset(key: string, ms?: number): void {
    this.#offset(key, ms);
  }

  muted(): void {
    for (const one of this.#utterances) if (one.key !== null) this.#end(one);
  }

  press(key: string): string {
    const one = this.#openByKey(key) ?? this.#begin('widget', key, null);
    this.#rule([one], 'interrupt');
    return one.id;
  }

  release(key: string): string | undefined {
    return this.#offset(key)?.id;
  }

  discard(id: string): void {
    this.#utterances = this.#utterances.filter((one) => one.id !== id);
  }

  lose(key?: string): { ids: string[]; longestMs: number } {
    const open = this.#utterances.filter((one) => one.endedAt === null && (key === undefined || one.key === key));
    for (const one of open) {
      this.#end(one);
      if (one.item === null) continue;
      this.#lost.add(one.item);
      this.#items.delete(one.item);
      const oldest = this.#lost.size > MOST_REMEMBERED ? this.#lost.keys().next().value : undefined;
      if (oldest !== undefined) this.#lost.delete(oldest);
    }
    this.#utterances = this.#utterances.filter((one) => !open.includes(one));
    return { ids: open.map(({ id }) => id), longestMs: Math.max(0, ...open.map((one) => this.#msOf(one))) };
  }

  providerStarted(id: string, atMs: number): void {
    const item = this.#itemOf(id);
    item.isDetected = true;
    item.isSpeaking = true;
    item.startedAtMs = atMs;
    const since = this.#now() - LATE_DETECTION_MS;
    const isRecent = (one: Utterance) => one.endedAt === null || one.endedAt >= since || one.isSaidAgain;
    const same = this.#utterances.filter((one) => one.item === null && isRecent(one));
    for (const one of same) {
      one.item = id;
      one.isSaidAgain = false;
    }
    if (same.length > 0) item.isDoubtful = false;
    else if (this.#isWidgetHearing && this.#options.isAgentAudible()) item.isDoubtful = true;
    else this.#begin('provider', null, id);
    for (const one of same) if (one.endedAt === null) this.#tell(one, 'provider');
  }

  providerStopped(id: string, atMs: number): void {
    if (this.#lost.has(id)) return;
    const item = this.#itemOf(id);
    item.isSpeaking = false;
    item.spanMs = atMs - item.startedAtMs;
    // Its silence window is longer than the widget's: nobody speaks any more.
    for (const one of this.#ofItem(id)) this.#end(one);
  }

  committed(id: string): void {
    if (this.#lost.delete(id)) {
      this.#options.drop(id);
      return;
    }
    if (this.#waiting) this.#pass(this.#waiting.item);
    for (const [other, item] of [...this.#items]) if (item.cancelWait !== null) this.#settleDoubt(other);
    // Push-to-talk has no detector of the provider's: what ended belongs to this item.
    const isDetected = this.#items.get(id)?.isDetected ?? false;
    if (!isDetected) for (const one of this.#utterances) if (one.item === null && one.endedAt !== null) one.item = id;
    const mine = this.#ofItem(id);
    const { isDoubtful, isTextComplete } = this.#itemOf(id);
    if (isDoubtful && mine.length === 0) {
      const settle = () => this.#options.run(() => this.#settleDoubt(id));
      if (isTextComplete) this.#settleDoubt(id);
      else this.#itemOf(id).cancelWait = this.#clock.wakeAt(this.#clock.now() + ECHO_WAIT_MS, settle);
      return;
    }
    for (const one of mine) this.#end(one);
    if (!this.#mustWait(id, mine)) {
      this.#pass(id);
      return;
    }
    const cancel = this.#clock.wakeAt(this.#clock.now() + WORDS_WAIT_MS, () => this.#options.run(() => this.#pass(id)));
    this.#waiting = { item: id, cancel };
  }

  words(id: string, text: string, isComplete: boolean): void {
    if (this.#lost.has(id)) return;
    const item = this.#itemOf(id);
    item.text = text.replace(NO_WORDS, '').trim() === '' ? '' : text;
    item.isTextComplete = isComplete;
    if (id === this.#missed && isComplete) {
      this.#missed = null;
      if (item.text !== '') this.#isWidgetHearing = false;
    }
    this.#judge(id);
    if (isComplete && this.#waiting?.item === id) this.#pass(id);
    if (isComplete && item.cancelWait !== null) this.#settleDoubt(id);
  }

  providerLost(): void {
    if (this.#waiting) this.#pass(this.#waiting.item);
    for (const one of this.#utterances) {
      if (one.key === null) this.#end(one);
      // What no turn was made of is said again to the next provider, which gives it another name.
      one.isSaidAgain = one.item !== null;
      one.item = null;
    }
    this.#forgetItems();
  }

  stop(): void {
    this.#waiting?.cancel();
    this.#waiting = null;
    this.#cancelFaint?.();
    this.#cancelFaint = null;
    this.#utterances = [];
    this.#forgetItems();
  }
}

export function createSpeech(options: SpeechOptions): Speech {
  return new SpeechStory(options);
}
