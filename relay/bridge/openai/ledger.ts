/**
 * What the provider holds of each item, one by one, and what may still be asked for it. An item
 * is truncated once, never past what was received of it, and deleted only after the provider
 * has added it; an item that was settled takes no more sound. Sends nothing itself: it answers
 * with what to send.
 */
import { samplesToMs } from '#wire';

export type Role = 'user' | 'agent' | 'system' | 'call' | 'output';
export type Fate = 'live' | 'truncated' | 'deleted';

export interface LedgerItem {
  readonly id: string;
  readonly role: Role;
  /** Samples passed on. */
  readonly receivedSamples: number;
  /** More sound came after the item's response was dead: the model has it, nobody heard it. */
  readonly hasMore: boolean;
  readonly isAdded: boolean;
  readonly isDone: boolean;
  /** False for what was restored as text on a new connection: it can only be rewritten. */
  readonly isAudio: boolean;
  readonly fate: Fate;
}

export type ItemOrder =
  | { do: 'nothing' }
  | { do: 'truncate'; item: string; audioEndMs: number }
  | { do: 'delete'; item: string }
  /** A restored item: its text is to be replaced by what was heard of it. `heard` is a share, 0 … 1. */
  | { do: 'rewrite'; item: string; heard: number };

interface Entry {
  id: string;
  role: Role;
  receivedSamples: number;
  hasMore: boolean;
  isAdded: boolean;
  isDone: boolean;
  isAudio: boolean;
  fate: Fate;
  /** What was asked before the provider had added the item. */
  waiting: ItemOrder | null;
}

/** Items of one connection that are remembered; an hour of talk has a few hundred. */
const MOST_ITEMS = 4_096;
const NOTHING: ItemOrder = { do: 'nothing' };

export class ItemLedger {
  readonly #items = new Map<string, Entry>();

  get size(): number {
    return this.#items.size;
  }

  get(id: string): LedgerItem | undefined {
    return this.#items.get(id);
  }

  /** The provider spoke of an item that it may not have added yet. */
  expect(id: string, role: Role): void {
    if (this.#items.has(id)) return;
    const isAudio = role === 'agent';
    const counts = { receivedSamples: 0, hasMore: false };
    const [oldest] = this.#items.keys();
    if (this.#items.size >= MOST_ITEMS && oldest !== undefined) this.#items.delete(oldest);
    this.#items.set(id, { id, role, ...counts, isAdded: false, isDone: false, isAudio, fate: 'live', waiting: null });
  }

  /** The provider added it. @returns what was waiting for that. */
  added(id: string, role: Role): ItemOrder {
    this.expect(id, role);
    const item = this.#items.get(id);
    if (item === undefined || item.isAdded) return NOTHING;
    item.isAdded = true;
    const order = item.waiting ?? NOTHING;
    item.waiting = null;
    return order;
  }

  done(id: string): void {
    const item = this.#items.get(id);
    if (item !== undefined) item.isDone = true;
  }

  /** @returns whether the sound may be passed on: not for an item that was settled, nor for an unknown one. */
  received(id: string, samples: number): boolean {
    const item = this.#items.get(id);
    if (item?.fate !== 'live') return false;
    item.receivedSamples += samples;
    return true;
  }

  /** Sound of a dead response. */
  late(id: string): void {
    const item = this.#items.get(id);
    if (item !== undefined) item.hasMore = true;
  }

  /** @param audioEndMs - what was heard; not finite or negative is 0. */
  truncate(id: string, audioEndMs: number): ItemOrder {
    const item = this.#items.get(id);
    if (item?.fate !== 'live' || item.role !== 'agent') return NOTHING;
    const receivedMs = Math.floor(samplesToMs(item.receivedSamples));
    const endMs = Number.isFinite(audioEndMs) ? Math.min(Math.max(0, Math.floor(audioEndMs)), receivedMs) : 0;
    if (endMs === 0) return this.remove(id);
    // All of it was heard and nothing more was made: there is nothing to forget.
    if (endMs >= receivedMs && !item.hasMore) return NOTHING;
    item.fate = 'truncated';
    if (!item.isAudio) return { do: 'rewrite', item: id, heard: endMs / receivedMs };
    return this.#whenAdded(item, { do: 'truncate', item: id, audioEndMs: endMs });
  }

  remove(id: string): ItemOrder {
    const item = this.#items.get(id);
    if (item === undefined || item.fate === 'deleted') return NOTHING;
    item.fate = 'deleted';
    return this.#whenAdded(item, { do: 'delete', item: id });
  }

  /**
   * What a dead response left in the model's memory beyond what was passed on: an item of which
   * nothing was, or a call that was never reported → delete it; a part was → cut it there.
   */
  settleDead(id: string): ItemOrder {
    const item = this.#items.get(id);
    if (item?.fate !== 'live') return NOTHING;
    return item.role === 'agent' ? this.truncate(id, samplesToMs(item.receivedSamples)) : this.remove(id);
  }

  /** A new connection begins: only `restored` items exist there, as text. */
  restart(restored: readonly { id: string; is: Role }[]): void {
    const before = new Map(this.#items);
    this.#items.clear();
    for (const { id, is } of restored) {
      this.expect(id, is);
      const item = this.#items.get(id);
      const { receivedSamples = 0, fate = 'live' } = before.get(id) ?? {};
      if (item !== undefined)
        Object.assign(item, { receivedSamples, fate, isAdded: true, isDone: true, isAudio: false });
    }
  }

  #whenAdded(item: Entry, order: ItemOrder): ItemOrder {
    if (item.isAdded) return order;
    item.waiting = order;
    return NOTHING;
  }
}
