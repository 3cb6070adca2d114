/**
 * Lane C's eye on lane B: judges what the model is about to say on the transcript, response by
 * response, and says up to where its sound may be played. No clock, no network: the same calls
 * give the same rulings. Knows nothing of gates; the arbiter acts on the rulings.
 *
 * A transcript runs ahead of its sound. While it does, all sound received is covered by judged
 * text and cleared at once. Text that could still become a phrase, or that somebody else has yet
 * to judge, is held, and sound is then cleared only as far as even a fast voice cannot have
 * reached it.
 */
import type { Violation } from './decisions.ts';
import { comparable, findPhrases, type Finding, type PhraseFinder } from './phrases.ts';
import { speakingMs } from './speaking-time.ts';

/** Responses remembered at once; the oldest is forgotten. */
const MOST_RESPONSES = 16;

const LETTER = /[\p{L}\p{N}]/u;

/** Words of an item that became safe to show. */
export interface Shown {
  item: string;
  text: string;
  /** `text` is all of the item's words, and the item is complete. */
  isWhole: boolean;
}

export interface Ruling {
  /** Why the response is stopped; once, and nothing of it is cleared afterwards. */
  violation: Violation | null;
  shown: Shown[];
  /** How much of the response's sound, in order of arrival, is cleared, in milliseconds. */
  clearedMs: number;
  /**
   * New words were judged and what is held of them is a phrase's beginning: nobody's verdict is
   * missing, only the words that come next.
   */
  awaitsWords: boolean;
}

/** Of a response that is stopped nothing is shown and nothing cleared. */
export const NOTHING = { shown: [], clearedMs: 0, awaitsWords: false } satisfies Omit<Ruling, 'violation'>;

export interface PhraseRule {
  phrase: string;
  violation: Violation;
}

export interface PolicyJudge {
  text(response: string, item: string, delta: string): Ruling;
  /** The item's text is complete and is `text`; once it is judged, all its sound is covered. */
  textDone(response: string, item: string, text: string): Ruling;
  /** `ms` more of the item's sound arrived. */
  sound(response: string, item: string, ms: number): Ruling;
  /**
   * Whoever judges beside the phrases has no objection to the first `characters` of the response;
   * with `waits` nothing at all is cleared before the first such word.
   */
  allow(response: string, characters: number): Ruling;
  /** Nothing of the response is cleared any more. */
  stop(response: string): void;
  /** All text of the response so far, as it was given. */
  textOf(response: string): string;
}

interface ItemWindow {
  raw: string;
  /** Characters of `raw` that are safe. */
  safe: number;
  receivedMs: number;
  isDone: boolean;
  isShown: boolean;
  /** What the item's text turned out to be. */
  whole: string;
  clearedMs: number;
  /** How long these words take to say: sound comes in far smaller pieces than words. */
  spoken: { raw: string; safe: number; ms: number };
}

interface ResponseWindow {
  finder: PhraseFinder;
  items: Map<string, ItemWindow>;
  /** Characters of all items, in the order in which the finder was given them. */
  order: { id: string; item: ItemWindow; from: number; to: number; itemFrom: number }[];
  text: string;
  /** Characters of `text` that hold no phrase, and those that others allow; -1 while nothing is. */
  plain: number;
  allowed: number;
  isStopped: boolean;
}

function itemOf(window: ResponseWindow, id: string): ItemWindow {
  let item = window.items.get(id);
  if (!item) {
    item = {
      raw: '',
      safe: 0,
      receivedMs: 0,
      isDone: false,
      isShown: false,
      whole: '',
      clearedMs: 0,
      spoken: { raw: '', safe: 0, ms: 0 },
    };
    window.items.set(id, item);
  }
  return item;
}

/** Moves each item's safe mark, counted over all text. */
function markSafe(window: ResponseWindow): Shown[] {
  const safe = Math.min(window.plain, window.allowed);
  const shown: Shown[] = [];
  if (safe < 0) return shown;
  for (const { id, item, from, to, itemFrom } of window.order) {
    if (safe <= from) break;
    const upTo = itemFrom + Math.min(safe, to) - from;
    if (upTo <= item.safe) continue;
    shown.push({ item: id, text: item.raw.slice(item.safe, upTo), isWhole: false });
    item.safe = upTo;
  }
  window.order = window.order.filter(({ to }) => to > safe);
  for (const [id, item] of window.items) {
    if (!item.isDone || item.isShown || item.safe < item.raw.length) continue;
    item.isShown = true;
    shown.push({ item: id, text: item.whole, isWhole: true });
  }
  return shown;
}

function add(window: ResponseWindow, id: string, text: string): Finding {
  const item = itemOf(window, id);
  const from = window.text.length;
  if (text !== '') window.order.push({ id, item, from, to: from + text.length, itemFrom: item.raw.length });
  item.raw += text;
  window.text += text;
  return window.finder.add(text);
}

class TranscriptJudge implements PolicyJudge {
  readonly #violations = new Map<string, Violation>();
  readonly #phrases: string[];
  readonly #waits: boolean;
  readonly #responses = new Map<string, ResponseWindow>();

  constructor(options: { rules: readonly PhraseRule[]; waits?: boolean }) {
    for (const { phrase, violation } of options.rules) {
      const plain = comparable(phrase);
      if (plain !== '' && !this.#violations.has(plain)) this.#violations.set(plain, violation);
    }
    this.#phrases = [...this.#violations.keys()];
    this.#waits = options.waits ?? false;
  }

  #windowOf(response: string): ResponseWindow {
    let window = this.#responses.get(response);
    if (!window) {
      const allowed = this.#waits ? -1 : Infinity;
      const finder = findPhrases(this.#phrases);
      window = { finder, items: new Map(), order: [], text: '', plain: 0, allowed, isStopped: false };
      this.#responses.set(response, window);
      if (this.#responses.size > MOST_RESPONSES) {
        const oldest = this.#responses.keys().next().value;
        if (oldest !== undefined) this.#responses.delete(oldest);
      }
    }
    return window;
  }

  /** How much of the item's sound its judged text covers. */
  #coveredMs(item: ItemWindow, allowed: number): number {
    if (allowed < 0) return 0;
    if (this.#phrases.length === 0 && allowed === Infinity) return Infinity;
    const isHolding = item.safe < item.raw.length;
    if (item.isDone && !isHolding) return Infinity;
    const { raw, safe, spoken } = item;
    // Whether something is held follows from both.
    if (spoken.raw !== raw || spoken.safe !== safe)
      item.spoken = { raw, safe, ms: speakingMs(raw.slice(0, safe), isHolding ? 'fast' : 'slow') };
    return item.spoken.ms;
  }

  /** The response's mark: an item counts only when all before it are cleared. It never steps back. */
  #clearedOf(window: ResponseWindow): number {
    let clearedMs = 0;
    for (const item of window.items.values()) {
      item.clearedMs = Math.max(
        item.clearedMs,
        Math.min(item.receivedMs, Math.floor(this.#coveredMs(item, window.allowed))),
      );
      clearedMs += item.clearedMs;
      if (item.clearedMs < item.receivedMs) break;
    }
    return clearedMs;
  }

  #rule(window: ResponseWindow, finding: Finding | null): Ruling {
    if (window.isStopped) return { violation: null, ...NOTHING };
    const violation = this.#violations.get(finding?.found ?? '');
    if (violation) {
      window.isStopped = true;
      return { violation, ...NOTHING };
    }
    if (finding) window.plain = finding.safe;
    const shown = markSafe(window);
    return { violation: null, shown, clearedMs: this.#clearedOf(window), awaitsWords: false };
  }

  text(response: string, item: string, delta: string): Ruling {
    const window = this.#windowOf(response);
    const ruling = this.#rule(window, add(window, item, delta));
    // Only letters lengthen a phrase's beginning, and no phrase is endless: nobody can keep an answer waiting.
    const isHeld = window.plain < Math.min(window.text.length, window.allowed);
    return { ...ruling, awaitsWords: isHeld && !window.isStopped && LETTER.test(delta) };
  }

  textDone(response: string, id: string, text: string): Ruling {
    const window = this.#windowOf(response);
    const item = itemOf(window, id);
    // A text that was corrected meanwhile is judged whole, behind what came before.
    const rest = text.startsWith(item.raw) ? text.slice(item.raw.length) : ` ${text}`;
    const added = add(window, id, rest);
    const ended = added.found !== null ? added : window.finder.end();
    item.isDone = true;
    item.whole = text;
    return this.#rule(window, ended);
  }

  sound(response: string, item: string, ms: number): Ruling {
    const window = this.#windowOf(response);
    itemOf(window, item).receivedMs += ms;
    return this.#rule(window, null);
  }

  allow(response: string, characters: number): Ruling {
    const window = this.#windowOf(response);
    window.allowed = Math.max(window.allowed, characters);
    return this.#rule(window, null);
  }

  stop(response: string): void {
    this.#windowOf(response).isStopped = true;
  }

  textOf(response: string): string {
    return this.#responses.get(response)?.text ?? '';
  }
}

/**
 * @param options.rules - phrases that stop a response.
 * @param options.waits - nothing is cleared before it is allowed.
 */
export function createPolicyJudge(options: { rules: readonly PhraseRule[]; waits?: boolean }): PolicyJudge {
  return new TranscriptJudge(options);
}
