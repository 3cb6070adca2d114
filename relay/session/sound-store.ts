/**
 * The answer's sound between its arrival and its sending: responses, their items, and how far
 * each was sent. Positions are samples. Bounded by what the whole session may hold; what was sent
 * is let go of once the response is under way and cannot be started over.
 */
import { SAMPLE_BYTES, msToSamples } from '#wire';

/** Sound one session may hold: nearly six minutes. */
const MOST_BYTES = 16 * 1024 * 1024;
/** A response that was sent no further than this can be admitted again from its beginning. */
const REWINDABLE = msToSamples(1_000);

export interface StoredItem {
  readonly id: string;
  /** Where the item begins within its response. */
  readonly offset: number;
  received: number;
  /** Next sample to send. */
  sent: number;
  /** First sample worth sending. */
  from: number;
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
  forget(response: string): void;
  readonly bytes: number;
}

export function createSoundStore(): SoundStore {
  const responses = new Map<string, StoredResponse>();
  let bytes = 0;

  function release(item: StoredItem): void {
    const keep = item.sent - item.from <= REWINDABLE ? item.from : item.sent;
    for (let chunk = item.chunks[0]; chunk && item.dropped + chunk.length <= keep; chunk = item.chunks[0]) {
      item.chunks.shift();
      item.dropped += chunk.length;
      bytes -= chunk.length * SAMPLE_BYTES;
    }
  }
  function forget(id: string): void {
    const response = responses.get(id);
    if (!response) return;
    responses.delete(id);
    for (const item of response.items) for (const chunk of item.chunks) bytes -= chunk.length * SAMPLE_BYTES;
  }
  return {
    add(id, turn, itemId, samples) {
      if (bytes + samples.length * SAMPLE_BYTES > MOST_BYTES) return false;
      let response = responses.get(id);
      if (!response) {
        response = { id, turn, items: [], received: 0, admitted: null };
        responses.set(id, response);
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
      bytes += samples.length * SAMPLE_BYTES;
      return true;
    },
    get: (id) => responses.get(id),
    all: () => responses.values(),
    trim(id, itemId, position) {
      for (const item of responses.get(id)?.items ?? []) {
        if (item.id === itemId) {
          item.from = Math.max(item.from, position);
          item.sent = Math.max(item.sent, item.from);
          return;
        }
        item.from = item.received;
        item.sent = item.received;
        item.isFinished = true;
      }
    },
    complete(id) {
      for (const item of responses.get(id)?.items ?? []) item.isComplete = true;
    },
    take(item, count) {
      const out = new Int16Array(count);
      let filled = 0;
      let at = item.dropped;
      for (const chunk of item.chunks) {
        const start = item.sent + filled - at;
        if (start < chunk.length && filled < count) {
          const part = chunk.subarray(start, start + count - filled);
          out.set(part, filled);
          filled += part.length;
        }
        at += chunk.length;
        if (filled === count) break;
      }
      item.sent += count;
      release(item);
      return out;
    },
    restart(id) {
      const response = responses.get(id);
      if (!response) return;
      if (response.items.some((item) => item.dropped > item.from)) {
        forget(id);
        return;
      }
      response.admitted = null;
      for (const item of response.items) {
        item.isFinished = item.from === item.received && item.from > 0 && item.isComplete;
        item.sent = item.from;
      }
    },
    forget,
    get bytes() {
      return bytes;
    },
  };
}
