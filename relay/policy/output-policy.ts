/**
 * What the model says, judged twice: by phrases at once, and by moderation a little later, on
 * windows of the accumulated text. Windows are asked about as text comes, several at a time, so
 * that verdicts run ahead of the sound. Knows no turns and no gates.
 */
import { violationOf, type Action, type Violation } from './decisions.ts';
import { NOTHING, createPolicyJudge, type PhraseRule, type PolicyJudge, type Ruling } from './judge.ts';
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

class OutputWatch implements OutputPolicy {
  readonly #options: OutputPolicyOptions;
  readonly #actions: Readonly<Partial<Record<string, 'rewrite' | 'refuse' | 'escalate' | 'cancel_output'>>>;
  readonly #onRuling: (response: string, ruling: Ruling) => void;
  readonly #moderator: Moderator | null;
  readonly #judge: PolicyJudge;
  readonly #watches = new Map<string, Watch>();

  constructor(options: OutputPolicyOptions) {
    this.#options = options;
    const { actions, onRuling } = options;
    this.#actions = actions;
    this.#onRuling = onRuling;
    this.#moderator = Object.keys(actions).length > 0 ? options.moderator : null;
    this.#judge = createPolicyJudge({ rules: options.rules, waits: true });
  }

  #watchOf(response: string): Watch {
    let watch = this.#watches.get(response);
    if (!watch) {
      watch = { isHeld: false, isOver: false, asked: 0, verified: 0, open: [], completeTo: 0 };
      this.#watches.set(response, watch);
      const oldest = this.#watches.size > MOST_RESPONSES ? this.#watches.keys().next().value : undefined;
      if (oldest !== undefined) this.#watches.delete(oldest);
    }
    return watch;
  }

  #allowed(watch: Watch): number {
    return watch.isHeld ? -1 : this.#moderator ? Math.max(watch.verified, this.#options.opening) : Infinity;
  }

  #rule(response: string, watch: Watch, ruling: Ruling): void {
    if (ruling.violation) watch.isOver = true;
    this.#onRuling(response, ruling);
  }

  #stop(response: string, watch: Watch, violation: Violation): void {
    this.#judge.stop(response);
    this.#rule(response, watch, { violation, ...NOTHING });
  }

  /** Asks about text that nobody was asked about, where that is worth a question. */
  #ask(response: string, watch: Watch): void {
    if (!this.#moderator || watch.isOver) return;
    const text = this.#judge.textOf(response);
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
      this.#answered(response, watch, question, null);
      return;
    }
    const { timeoutMs, signal, now } = this.#options;
    const askedAt = now();
    void this.#moderator.check(window, { timeoutMs, signal }).then((answer) => {
      if (signal.aborted) return;
      this.#options.run(() => {
        this.#options.onVerdict?.(now() - askedAt);
        if (answer.ok) this.#answered(response, watch, question, violationOf(answer.flagged, this.#actions));
        else if (this.#options.silenceBlocks) {
          const decision = 'refuse';
          this.#answered(response, watch, question, { decision, reason: 'moderation_unavailable', severity: 'medium' });
        } else this.#answered(response, watch, question, null);
      });
    });
  }

  #answered(response: string, watch: Watch, question: Watch['open'][number], bad: Violation | null): void {
    if (watch.isOver) return;
    if (bad) {
      this.#stop(response, watch, bad);
      return;
    }
    question.isGood = true;
    // A mark moves over good verdicts without a gap only.
    for (let first = watch.open[0]; first?.isGood; first = watch.open[0]) {
      watch.verified = first.upTo;
      watch.open.shift();
    }
    this.#rule(response, watch, this.#judge.allow(response, this.#allowed(watch)));
    this.#ask(response, watch);
  }

  #follow(response: string, watch: Watch, ruling: Ruling): void {
    this.#rule(response, watch, ruling);
    this.#ask(response, watch);
  }

  created(response: string, isHeld: boolean): void {
    const watch = this.#watchOf(response);
    watch.isHeld = isHeld;
    this.#judge.allow(response, this.#allowed(watch));
  }

  release(response: string): void {
    const watch = this.#watches.get(response);
    if (!watch?.isHeld) return;
    watch.isHeld = false;
    this.#rule(response, watch, this.#judge.allow(response, this.#allowed(watch)));
  }

  text(response: string, item: string, delta: string): void {
    this.#follow(response, this.#watchOf(response), this.#judge.text(response, item, delta));
  }

  textDone(response: string, item: string, text: string): void {
    const watch = this.#watchOf(response);
    const ruling = this.#judge.textDone(response, item, text);
    watch.completeTo = this.#judge.textOf(response).length;
    this.#follow(response, watch, ruling);
  }

  sound(response: string, item: string, ms: number): void {
    this.#rule(response, this.#watchOf(response), this.#judge.sound(response, item, ms));
  }

  textOf(response: string): string {
    return this.#judge.textOf(response);
  }
}

export function createOutputPolicy(options: OutputPolicyOptions): OutputPolicy {
  return new OutputWatch(options);
}
