/**
 * The answer's sound between its arrival and its sending: responses, their items, and how far
 * each was sent. Positions are samples. Bounded by what the whole session may hold; what was sent
 * is let go of once the response is under way and cannot be started over.
 */
import { SAMPLE_BYTES, msToSamples } from '#wire';
import { Slab } from '../slab.ts';

/** Sound one session may hold: nearly six minutes. */
const MOST_BYTES = 16 * 1024 * 1024;
/** A response that was sent no further than this can be admitted again from its beginning. */
const REWINDABLE = msToSamples(1_000);
/** Of what was sent of an item and is not told to have been played, so much is kept for a page that is loaded anew. */
const UNPLAYED = msToSamples(2_000);
/** A chunk may be so many times as long as what is kept of it. */
const MOST_KEPT_ALONG = 4;
/** Of the slab for what is put together from several chunks. */
const PIECE_BYTES = 32 * 1024;

export interface StoredItem {
  readonly id: string;
  /** Where the item begins within its response. */
  readonly offset: number;
  received: number;
  /** Next sample to send. */
  sent: number;
  /** First sample worth sending. */
  from: number;
  /** As far as the page has told to have played it. */
  played: number;
  /** The last samples sent, those that may not have been played; not counted among what is held. */
  tail: Int16Array[];
  /** No more will come. */
  isComplete: boolean;
  /** Its last frame has been sent. */
  isFinished: boolean;
  chunks: Int16Array[];
  /** Samples that are no longer held. */
  dropped: number;
}

export interface StoredResponse {
  readonly id: string;
  readonly turn: string;
  readonly items: StoredItem[];
  received: number;
  /** The part of it that the arbiter admitted, counted over the response; null before. */
  admitted: { epoch: number; upTo: number } | null;
}

export interface SoundStore {
  /** @returns false when the session holds too much already; nothing was kept then. */
  add(response: string, turn: string, item: string, samples: Int16Array): boolean;
  get(response: string): StoredResponse | undefined;
  /** Oldest first. */
  all(): Iterable<StoredResponse>;
  /** The response sounds from `position` of `item` on; what is before is never sent. */
  trim(response: string, item: string, position: number): void;
  /** All sound of the response has come. */
  complete(response: string): void;
  /** Takes `count` samples of what is next to send. */
  take(item: StoredItem, count: number): Int16Array;
  /** Makes the response as if nothing of it had been sent, or forgets it where that is too late. */
  restart(response: string): void;
  /** The page has played the item up to this sample. */
  played(item: string, position: number): void;
  /** What was sent of the response and not played is to be sent once more. */
  rewind(response: string): void;
  forget(response: string): void;
  readonly bytes: number;
}

const lengthOf = (chunks: Int16Array[]) => chunks.reduce((sum, { length }) => sum + length, 0);

/** Of the tail only what is not played, and no more than its bound. */
function trimTail(item: StoredItem): void {
  const from = Math.max(item.played, item.sent - UNPLAYED);
  let start = item.sent - lengthOf(item.tail);
  for (let chunk = item.tail[0]; chunk && start + chunk.length <= from; chunk = item.tail[0]) {
    item.tail.shift();
    start += chunk.length;
  }
}

class HeldSound implements SoundStore {
  readonly #responses = new Map<string, StoredResponse>();
  readonly #slab = new Slab(PIECE_BYTES);
  #bytes = 0;

  #release(item: StoredItem): void {
    const keep = item.sent - item.from <= REWINDABLE ? item.from : item.sent;
    for (let chunk = item.chunks[0]; chunk && item.dropped + chunk.length <= keep; chunk = item.chunks[0]) {
      item.chunks.shift();
      item.dropped += chunk.length;
      this.#bytes -= chunk.length * SAMPLE_BYTES;
    }
  }

  forget(id: string): void {
    const response = this.#responses.get(id);
    if (!response) return;
    this.#responses.delete(id);
    for (const item of response.items) for (const chunk of item.chunks) this.#bytes -= chunk.length * SAMPLE_BYTES;
  }

  add(id: string, turn: string, itemId: string, samples: Int16Array): boolean {
    if (this.#bytes + samples.length * SAMPLE_BYTES > MOST_BYTES) return false;
    let response = this.#responses.get(id);
    if (!response) {
      response = { id, turn, items: [], received: 0, admitted: null };
      this.#responses.set(id, response);
    }
    let item = response.items.find((one) => one.id === itemId);
    if (!item) {
      for (const before of response.items) before.isComplete = true;
      item = {
        id: itemId,
        offset: response.received,
        received: 0,
        sent: 0,
        from: 0,
        played: 0,
        tail: [],
        isComplete: false,
        isFinished: false,
        chunks: [],
        dropped: 0,
      };
      response.items.push(item);
    }
    item.chunks.push(samples);
    item.received += samples.length;
    response.received += samples.length;
    this.#bytes += samples.length * SAMPLE_BYTES;
    return true;
  }

  get(id: string): StoredResponse | undefined {
    return this.#responses.get(id);
  }

  all(): Iterable<StoredResponse> {
    return this.#responses.values();
  }

  trim(id: string, itemId: string, position: number): void {
    for (const item of this.#responses.get(id)?.items ?? []) {
      if (item.id === itemId) {
        item.from = Math.max(item.from, position);
        item.sent = Math.max(item.sent, item.from);
        return;
      }
      item.from = item.received;
      item.sent = item.received;
      item.isFinished = true;
    }
  }

  complete(id: string): void {
    for (const item of this.#responses.get(id)?.items ?? []) item.isComplete = true;
  }

  #cut(item: StoredItem, count: number): Int16Array {
    let at = item.dropped;
    let out: Int16Array | null = null;
    let filled = 0;
    for (const chunk of item.chunks) {
      const start = item.sent + filled - at;
      at += chunk.length;
      if (start >= chunk.length) continue;
      const part = chunk.subarray(start, start + count - filled);
      // What is a fair share of its chunk is not copied; a small part would keep all of it alive.
      if (part.length === count && chunk.length <= count * MOST_KEPT_ALONG) return part;
      out ??= this.#slab.samples(count);
      out.set(part, filled);
      filled += part.length;
      if (filled === count) break;
    }
    return out ?? new Int16Array(count);
  }

  take(item: StoredItem, count: number): Int16Array {
    const out = this.#cut(item, count);
    item.sent += count;
    item.tail.push(out);
    trimTail(item);
    this.#release(item);
    return out;
  }

  restart(id: string): void {
    const response = this.#responses.get(id);
    if (!response) return;
    if (response.items.some((item) => item.dropped > item.from)) {
      this.forget(id);
      return;
    }
    response.admitted = null;
    for (const item of response.items) {
      item.isFinished = item.from === item.received && item.from > 0 && item.isComplete;
      item.sent = item.from;
      item.tail = [];
    }
  }

  played(id: string, position: number): void {
    for (const { items } of this.#responses.values()) {
      const item = items.find((one) => one.id === id);
      if (!item) continue;
      item.played = Math.min(position, item.sent);
      trimTail(item);
    }
  }

  rewind(id: string): void {
    for (const item of this.#responses.get(id)?.items ?? []) {
      const kept = item.sent - lengthOf(item.tail);
      const at = Math.min(item.sent, Math.max(kept, item.played, item.from));
      const missing = item.dropped - at;
      if (missing > 0) {
        // What is no longer held comes from the tail.
        const back = join(item.tail).subarray(at - kept, at - kept + missing);
        item.chunks.unshift(back);
        item.dropped = at;
        this.#bytes += back.length * SAMPLE_BYTES;
      }
      item.sent = at;
      item.tail = [];
      item.isFinished &&= at === item.received;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }
}

export function createSoundStore(): SoundStore {
  return new HeldSound();
}

function join(chunks: Int16Array[]): Int16Array {
  const all = new Int16Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
