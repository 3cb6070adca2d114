/**
 * The conversation as text: what a new connection is told so that the model goes on where the
 * old one broke off. The user's words, the agent's words as far as they were heard, and tool
 * calls with their outputs. Bounded; knows no socket.
 */
import type { HistoryEntry } from '../bridge.ts';
import { heardText } from '../heard-words.ts';

/** Entries kept; older ones are forgotten when a connection is replaced. */
export const HISTORY_ENTRIES = 48;

export class History {
  #entries: HistoryEntry[] = [];

  has(id: string): boolean {
    return this.#entries.some((entry) => entry.id === id);
  }

  /** Puts an entry after `previous`, or last where that is unknown. An id that is there already stays as it is. */
  add(entry: HistoryEntry, previous: string | null = null): void {
    if (this.has(entry.id)) return;
    const at = previous === null ? -1 : this.#entries.findIndex(({ id }) => id === previous);
    this.#entries.splice(at === -1 ? this.#entries.length : at + 1, 0, entry);
    if (this.#entries.length > HISTORY_ENTRIES) this.#entries.shift();
  }

  appendText(id: string, delta: string): void {
    const entry = this.#entries.find((one) => one.id === id);
    if (entry !== undefined && 'text' in entry) entry.text += delta;
  }

  setText(id: string, text: string): void {
    const entry = this.#entries.find((one) => one.id === id);
    if (entry !== undefined && 'text' in entry) entry.text = text;
  }

  text(id: string): string {
    const entry = this.#entries.find((one) => one.id === id);
    return entry !== undefined && 'text' in entry ? entry.text : '';
  }

  /** @param share - of the item's sound that was heard, 0 … 1. */
  cut(id: string, share: number): void {
    this.setText(id, heardText(this.text(id), share));
  }

  remove(id: string): void {
    this.#entries = this.#entries.filter((entry) => entry.id !== id);
  }

  /** The entry before `id`, where there is one that has been told to the provider. */
  before(id: string): string | undefined {
    const told = this.replay();
    return told[told.findIndex((entry) => entry.id === id) - 1]?.id;
  }

  /** The call of that id, for an output that belongs to it. */
  call(call: string): Extract<HistoryEntry, { is: 'call' }> | undefined {
    return this.#entries.find((entry) => entry.is === 'call' && entry.call === call) as
      Extract<HistoryEntry, { is: 'call' }> | undefined;
  }

  /**
   * What to tell a new connection, in order: nothing empty, and calls and outputs only as pairs.
   *
   * @param isKnown - Whether there is something to tell of an entry without words all the same.
   */
  replay(isKnown: (id: string) => boolean = () => false): HistoryEntry[] {
    const called = new Set<string>();
    const answered = new Set<string>();
    for (const entry of this.#entries) {
      if (entry.is === 'call') called.add(entry.call);
      if (entry.is === 'output') answered.add(entry.call);
    }
    return this.#entries.filter((entry) => {
      if (entry.is === 'call') return answered.has(entry.call);
      if (entry.is === 'output') return called.has(entry.call);
      return entry.text.trim() !== '' || (entry.is === 'user' && isKnown(entry.id));
    });
  }
}
