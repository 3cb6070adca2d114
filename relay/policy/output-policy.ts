/**
 * What the model says, judged twice: by phrases at once, and by moderation a little later, on
 * windows of the accumulated text. Windows are asked about as text comes, several at a time, so
 * that verdicts run ahead of the sound. Knows no turns and no gates.
 */
import { violationOf, type Action, type Violation } from './decisions.ts';
import { NOTHING, createPolicyJudge, type PhraseRule, type Ruling } from './judge.ts';
import type { Moderator } from './moderation.ts';
import { UNSPACED } from './phrases.ts';

/** With so many questions about a response open, this many more characters are worth another; then none is. */
const WORTH_ASKING = [0, 12, 60];
/** Text before the window that is judged with it: a sentence is understood by what came before. */
const CONTEXT_CHARACTERS = 1_200;
const MOST_RESPONSES = 16;

export interface OutputPolicyOptions {
  rules: readonly PhraseRule[];
  /** By category; moderation is not asked when there is none. */
  actions: Readonly<Partial<Record<string, Action>>>;
  moderator: Moderator | null;
  /** Characters at the beginning of a response that phrases alone judge until moderation has. */
  opening: number;
  /** Longest wait for one verdict. */
  timeoutMs: number;
  /** No verdict counts as a bad one. */
  silenceBlocks: boolean;
  signal: AbortSignal;
  /** Called within a call where that is enough, later otherwise. */
  onRuling: (response: string, ruling: Ruling) => void;
  /** Runs what comes later in the session's order. */
  run: (job: () => void) => void;
  /** How long a verdict took. */
  onVerdict?: (ms: number) => void;
  now: () => number;
}

export interface OutputPolicy {
  /** Before anything else of the response. `isHeld`: nothing is cleared until {@link release}. */
  created(response: string, isHeld: boolean): void;
  release(response: string): void;
  text(response: string, item: string, delta: string): void;
  textDone(response: string, item: string, text: string): void;
  sound(response: string, item: string, ms: number): void;
  /** All text of the response so far. */
  textOf(response: string): string;
}

interface Watch {
  isHeld: boolean;
  isOver: boolean;
  /** Characters that questions were asked about, and that have a good verdict without a gap. */
  asked: number;
  verified: number;
  open: { upTo: number; isGood: boolean }[];
  /** Where the newest item's text ended: no word goes on there. */
  completeTo: number;
}

/** How much of `text` ends with a whole word. */
function wholeWords(text: string): number {
  for (let end = text.length; end > 0; end--) {
    const char = text.charAt(end - 1);
    if (/[\s\p{P}]/u.test(char) || UNSPACED.test(char)) return end;
  }
  return 0;
}

export function createOutputPolicy(options: OutputPolicyOptions): OutputPolicy {
  const { actions, onRuling } = options;
  const moderator = Object.keys(actions).length > 0 ? options.moderator : null;
  const judge = createPolicyJudge({ rules: options.rules, waits: true });
  const watches = new Map<string, Watch>();

  function watchOf(response: string): Watch {
    let watch = watches.get(response);
    if (!watch) {
      watch = { isHeld: false, isOver: false, asked: 0, verified: 0, open: [], completeTo: 0 };
      watches.set(response, watch);
      const oldest = watches.size > MOST_RESPONSES ? watches.keys().next().value : undefined;
      if (oldest !== undefined) watches.delete(oldest);
    }
    return watch;
  }

  const allowed = (watch: Watch) =>
    watch.isHeld ? -1 : moderator ? Math.max(watch.verified, options.opening) : Infinity;

  function rule(response: string, watch: Watch, ruling: Ruling): void {
    if (ruling.violation) watch.isOver = true;
    onRuling(response, ruling);
  }

  function stop(response: string, watch: Watch, violation: Violation): void {
    judge.stop(response);
    rule(response, watch, { violation, ...NOTHING });
  }

  /** Asks about text that nobody was asked about, where that is worth a question. */
  function ask(response: string, watch: Watch): void {
    if (!moderator || watch.isOver) return;
    const text = judge.textOf(response);
    const upTo = Math.max(watch.completeTo, watch.asked + wholeWords(text.slice(watch.asked)));
    const fresh = text.slice(watch.asked, upTo);
    if (fresh === '') return;
    const worth = WORTH_ASKING[watch.open.length] ?? Infinity;
    if (worth === Infinity || (fresh.length < worth && upTo !== watch.completeTo)) return;
    const window = text.slice(Math.max(0, watch.asked - CONTEXT_CHARACTERS), upTo);
    const question = { upTo, isGood: false };
    watch.asked = upTo;
    watch.open.push(question);
    if (window.trim() === '') {
      answered(response, watch, question, null);
      return;
    }
    const { timeoutMs, signal, now } = options;
    const askedAt = now();
    void moderator.check(window, { timeoutMs, signal }).then((answer) => {
      if (signal.aborted) return;
      options.run(() => {
        options.onVerdict?.(now() - askedAt);
        if (answer.ok) answered(response, watch, question, violationOf(answer.flagged, actions));
        else if (options.silenceBlocks) {
          const decision = 'refuse';
          answered(response, watch, question, { decision, reason: 'moderation_unavailable', severity: 'medium' });
        } else answered(response, watch, question, null);
      });
    });
  }

  function answered(response: string, watch: Watch, question: Watch['open'][number], bad: Violation | null): void {
    if (watch.isOver) return;
    if (bad) {
      stop(response, watch, bad);
      return;
    }
    question.isGood = true;
    // A mark moves over good verdicts without a gap only.
    for (let first = watch.open[0]; first?.isGood; first = watch.open[0]) {
      watch.verified = first.upTo;
      watch.open.shift();
    }
    rule(response, watch, judge.allow(response, allowed(watch)));
    ask(response, watch);
  }

  function follow(response: string, watch: Watch, ruling: Ruling): void {
    rule(response, watch, ruling);
    ask(response, watch);
  }

  return {
    created(response, isHeld) {
      const watch = watchOf(response);
      watch.isHeld = isHeld;
      judge.allow(response, allowed(watch));
    },
    release(response) {
      const watch = watches.get(response);
      if (!watch?.isHeld) return;
      watch.isHeld = false;
      rule(response, watch, judge.allow(response, allowed(watch)));
    },
    text(response, item, delta) {
      follow(response, watchOf(response), judge.text(response, item, delta));
    },
    textDone(response, item, text) {
      const watch = watchOf(response);
      const ruling = judge.textDone(response, item, text);
      watch.completeTo = judge.textOf(response).length;
      follow(response, watch, ruling);
    },
    sound(response, item, ms) {
      rule(response, watchOf(response), judge.sound(response, item, ms));
    },
    textOf: (response) => judge.textOf(response),
  };
}
