/**
 * Lane C's eye on lane B: judges what the model is about to say on the transcript, response by
 * response, and says up to where its sound may be played. No clock, no network: the same calls
 * give the same rulings. Knows nothing of gates; the arbiter acts on the rulings.
 *
 * A transcript runs ahead of its sound. While it does, all sound received is covered by judged
 * text and cleared at once. Text that could still become a disallowed phrase is held, and sound is
 * then cleared only as far as even a fast voice cannot have reached it.
 */
import { comparable, findPhrases, type PhraseFinder } from './phrases.ts';
import { speakingMs } from './speaking-time.ts';

/** Responses remembered at once; the oldest is forgotten. */
const MOST_RESPONSES = 16;

export interface PolicyRuling {
  /** Why the response is blocked; once, and nothing of it is cleared afterwards. */
  blocked: string | null;
  /** Words that became safe to show with this call. */
  shown: string;
  /** How much of the response's sound, in order of arrival, is cleared, in milliseconds. */
  clearedMs: number;
}

export interface PolicyJudge {
  text(response: string, item: string, delta: string): PolicyRuling;
  /** The item's text is complete and is `text`; all its sound is covered. */
  textDone(response: string, item: string, text: string): PolicyRuling;
  /** `ms` more of the item's sound arrived. */
  sound(response: string, item: string, ms: number): PolicyRuling;
}

interface ItemWindow {
  raw: string;
  /** Characters of `raw` that are safe. */
  safe: number;
  receivedMs: number;
  isDone: boolean;
  clearedMs: number;
}

interface ResponseWindow {
  finder: PhraseFinder;
  items: Map<string, ItemWindow>;
  /** Characters of all items, in the order in which the finder was given them. */
  order: { item: ItemWindow; from: number; to: number; itemFrom: number }[];
  total: number;
  isBlocked: boolean;
}

/** @param options.disallowed - phrases that are never said. */
export function createPolicyJudge(options: { disallowed: readonly string[] }): PolicyJudge {
  const phrases = [...new Set(options.disallowed.map(comparable))].filter((phrase) => phrase !== '');
  const responses = new Map<string, ResponseWindow>();

  function windowOf(response: string): ResponseWindow {
    let window = responses.get(response);
    if (!window) {
      window = { finder: findPhrases(phrases), items: new Map(), order: [], total: 0, isBlocked: false };
      responses.set(response, window);
      if (responses.size > MOST_RESPONSES) {
        const oldest = responses.keys().next().value;
        if (oldest !== undefined) responses.delete(oldest);
      }
    }
    return window;
  }

  function itemOf(window: ResponseWindow, id: string): ItemWindow {
    let item = window.items.get(id);
    if (!item) {
      item = { raw: '', safe: 0, receivedMs: 0, isDone: false, clearedMs: 0 };
      window.items.set(id, item);
    }
    return item;
  }

  /** How much of the item's sound its judged text covers. */
  function coveredMs(item: ItemWindow): number {
    if (phrases.length === 0 || item.isDone) return Infinity;
    const isHolding = item.safe < item.raw.length;
    return speakingMs(item.raw.slice(0, item.safe), isHolding ? 'fast' : 'slow');
  }

  /** The response's mark: an item counts only when all before it are cleared. It never steps back. */
  function clearedOf(window: ResponseWindow): number {
    let clearedMs = 0;
    for (const item of window.items.values()) {
      item.clearedMs = Math.max(item.clearedMs, Math.min(item.receivedMs, Math.floor(coveredMs(item))));
      clearedMs += item.clearedMs;
      if (item.clearedMs < item.receivedMs) break;
    }
    return clearedMs;
  }

  /** Moves each item's safe mark to where the finder says, counted over all text. */
  function markSafe(window: ResponseWindow, safe: number): string {
    let shown = '';
    for (const { item, from, to, itemFrom } of window.order) {
      if (safe <= from) break;
      const upTo = itemFrom + Math.min(safe, to) - from;
      if (upTo > item.safe) {
        shown += item.raw.slice(item.safe, upTo);
        item.safe = upTo;
      }
    }
    window.order = window.order.filter(({ to }) => to > safe);
    return shown;
  }

  function rule(window: ResponseWindow, ruling: { found: boolean; safe: number } | null): PolicyRuling {
    if (window.isBlocked) return { blocked: null, shown: '', clearedMs: 0 };
    if (ruling?.found) {
      window.isBlocked = true;
      return { blocked: 'disallowed_phrase', shown: '', clearedMs: 0 };
    }
    const shown = ruling ? markSafe(window, ruling.safe) : '';
    return { blocked: null, shown, clearedMs: clearedOf(window) };
  }

  function add(window: ResponseWindow, item: ItemWindow, text: string): { found: boolean; safe: number } {
    const itemFrom = item.raw.length;
    item.raw += text;
    window.order.push({ item, from: window.total, to: window.total + text.length, itemFrom });
    window.total += text.length;
    return window.finder.add(text);
  }

  return {
    text(response, item, delta) {
      const window = windowOf(response);
      return rule(window, add(window, itemOf(window, item), delta));
    },
    textDone(response, id, text) {
      const window = windowOf(response);
      const item = itemOf(window, id);
      // A text that was corrected meanwhile is judged whole, behind what came before.
      const rest = text.startsWith(item.raw) ? text.slice(item.raw.length) : ` ${text}`;
      const added = add(window, item, rest);
      const ended = added.found ? added : window.finder.end();
      item.isDone = true;
      return rule(window, ended);
    },
    sound(response, item, ms) {
      const window = windowOf(response);
      itemOf(window, item).receivedMs += ms;
      return rule(window, null);
    },
  };
}
