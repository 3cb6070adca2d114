/**
 * The answer on its way to the ear: only what the arbiter admitted, no further ahead of playout
 * than the lead, the rest held here. That makes an interruption cheap, lets policy clear text
 * before it is heard, and bounds what waits in the page. It decides nothing about lanes.
 */
import { BATCH_MS, FLAG_LAST, FRAME_MS, msToSamples, samplesToMs, type AudioFrame, type RelayMessage } from '#wire';
import type { Clock } from '../clock.ts';
import { createPace } from './pace.ts';
import { createSoundStore, type StoredItem, type StoredResponse } from './sound-store.ts';

/**
 * How far ahead of playout the relay sends, in milliseconds. What the way to the ear takes of it is added:
 * over a slow or uneven network the page would otherwise have next to nothing in hand.
 */
export const LEAD_MS = 400;
/** With less than this ahead of the ear a short frame is better than a wait. */
const URGENT_MS = 120;
/** Kept back of an item that is still coming, so that its last frame can carry the flag. */
const RESERVE = msToSamples(FRAME_MS);
/** Frames of 20 ms, then of 40 ms, before the long ones: the first sound should leave at once. */
const SHORT_FRAMES = 4;
const MIDDLE_FRAMES = 8;
/** Less than one millisecond: the arbiter counts in whole ones. */
const SUB_MS = msToSamples(1);

export interface DownlinkOptions {
  clock: Clock;
  message: (message: RelayMessage) => void;
  frame: (frame: Omit<AudioFrame, 'seq'>) => void;
  /** The first sound of a turn's answer leaves. */
  onFirstSent: (turn: string) => void;
}

export interface Downlink {
  /** @returns false when the session already holds as much as it may. */
  receive(response: string, turn: string, item: string, samples: Int16Array): boolean;
  /** The response begins to sound at this sample of `item`. */
  trim(response: string, item: string, position: number): void;
  /** No more sound of the response will come. */
  complete(response: string): void;
  /** `upToMs` counts the response's sound in order of arrival; all of it when absent. */
  admit(response: string, epoch: number, upToMs?: number): void;
  /** Nothing admitted so far is sent any more; what `isWanted` is held to be admitted again. */
  close(isWanted: (response: string) => boolean): void;
  forget(isOver: (response: string) => boolean): void;
  setPlaying(isPlaying: boolean): void;
  /** Without a page nothing is sent; what is admitted waits here. */
  setConnected(isConnected: boolean): void;
  /** To a page that has nothing: what was sent and, by its last report, not played is sent once more. */
  rewind(): void;
  /** The page's report; one of an epoch that was closed is ignored. */
  played(epoch: number, item: string, playedMs: number): void;
  readonly heldBytes: number;
  /** How far ahead of the ear the page is, in milliseconds; null while nothing more is to be sent. */
  readonly leadMs: number | null;
  stop(): void;
}

/** Samples of the item that may be sent now, and whether they are its last. */
function sendable(item: StoredItem, upTo: number): { count: number; isAll: boolean } {
  const allowed = upTo - item.offset;
  const isAll = item.isComplete && allowed >= item.received - SUB_MS;
  if (isAll) return { count: item.received - item.sent, isAll };
  const end = Math.min(allowed, item.received - RESERVE);
  return { count: Math.max(0, end - item.sent), isAll };
}

class PacedDownlink implements Downlink {
  readonly #clock: Clock;
  readonly #message: (message: RelayMessage) => void;
  readonly #onFirstSent: (turn: string) => void;
  readonly #frame: (frame: Omit<AudioFrame, 'seq'>) => void;
  readonly #store = createSoundStore();
  readonly #pace = createPace();
  /** Where each item that was begun stands on the pace's scale. */
  readonly #begun = new Map<string, { epoch: number; startMs: number; fromMs: number }>();
  #admittedInOrder: string[] = [];
  #isPlaying = true;
  #isConnected = true;
  #framesSent = 0;
  #cancelWake: (() => void) | null = null;

  constructor({ clock, message, frame, onFirstSent }: DownlinkOptions) {
    this.#clock = clock;
    this.#message = message;
    this.#onFirstSent = onFirstSent;
    this.#frame = frame;
  }

  /** The item to send from now, with its response. */
  #next(): { response: StoredResponse; item: StoredItem; epoch: number; upTo: number } | undefined {
    for (const id of this.#admittedInOrder) {
      const response = this.#store.get(id);
      if (!response?.admitted) continue;
      const { epoch, upTo } = response.admitted;
      for (const item of response.items) {
        if (!item.isFinished) return { response, item, epoch, upTo };
      }
      // More items may come: a later response must not overtake them.
      if (response.items.some((item) => !item.isComplete)) return undefined;
    }
    return undefined;
  }

  #wakeIn(ms: number): void {
    this.#cancelWake?.();
    this.#cancelWake = this.#clock.wakeAt(this.#clock.now() + ms, () => {
      this.#cancelWake = null;
      this.#pump();
    });
  }

  #frameMs(): number {
    if (this.#framesSent < SHORT_FRAMES) return FRAME_MS;
    return this.#framesSent < MIDDLE_FRAMES ? FRAME_MS * 2 : BATCH_MS;
  }

  #pump(): void {
    this.#cancelWake?.();
    this.#cancelWake = null;
    while (this.#isPlaying && this.#isConnected) {
      const now = this.#clock.now();
      const turn = this.#next();
      if (!turn) return;
      const { response, item, epoch, upTo } = turn;
      const { count, isAll } = sendable(item, upTo);
      if (count <= 0) {
        if (!isAll) return;
        item.isFinished = true;
        continue;
      }
      const aheadMs = this.#pace.aheadMs(now);
      if (aheadMs === 0) this.#framesSent = 0;
      const wanted = msToSamples(this.#frameMs());
      const part = Math.min(wanted, count);
      // What is not yet a whole frame waits for more, as long as the ear has enough.
      if (part < wanted && !isAll && aheadMs >= URGENT_MS + this.#pace.lagMs) {
        this.#wakeIn(aheadMs - URGENT_MS - this.#pace.lagMs + 1);
        return;
      }
      if (part < RESERVE && !isAll) return;
      const partMs = samplesToMs(part);
      const overMs = aheadMs + partMs - LEAD_MS - this.#pace.lagMs;
      if (overMs > 0) {
        this.#wakeIn(Math.max(1, overMs));
        return;
      }
      this.#send(response, item, epoch, part, isAll && part === count, now);
    }
  }

  #send(response: StoredResponse, item: StoredItem, epoch: number, count: number, isLast: boolean, now: number): void {
    if (!this.#begun.has(item.id)) {
      const fromMs = samplesToMs(item.sent);
      this.#begun.set(item.id, { epoch, startMs: this.#pace.sentMs, fromMs });
      this.#message({
        type: 'item.started',
        item: item.id,
        response: response.id,
        turn: response.turn,
        epoch,
        lane: 'B',
        fromMs,
      });
      this.#onFirstSent(response.turn);
    }
    const samples = this.#store.take(item, count);
    this.#pace.sent(samplesToMs(count), now);
    this.#framesSent += 1;
    item.isFinished = isLast;
    this.#frame({ epoch, lane: 'B', flags: isLast ? FLAG_LAST : 0, samples });
  }

  receive(response: string, turn: string, item: string, samples: Int16Array): boolean {
    const isKept = this.#store.add(response, turn, item, samples);
    this.#pump();
    return isKept;
  }

  trim(response: string, item: string, position: number): void {
    this.#store.trim(response, item, position);
  }

  complete(response: string): void {
    this.#store.complete(response);
    this.#pump();
  }

  admit(id: string, epoch: number, upToMs?: number): void {
    const response = this.#store.get(id);
    if (!response) return;
    response.admitted = { epoch, upTo: upToMs === undefined ? Infinity : msToSamples(upToMs) };
    if (!this.#admittedInOrder.includes(id)) this.#admittedInOrder.push(id);
    this.#pump();
  }

  close(isWanted: (response: string) => boolean): void {
    this.#cancelWake?.();
    this.#cancelWake = null;
    for (const { id } of [...this.#store.all()]) {
      if (isWanted(id)) this.#store.restart(id);
      else this.#store.forget(id);
    }
    this.#admittedInOrder = [];
    this.#begun.clear();
    this.#framesSent = 0;
    this.#pace.reset(this.#clock.now());
    this.#pace.setRunning(this.#isPlaying, this.#clock.now());
  }

  forget(isOver: (response: string) => boolean): void {
    for (const { id } of [...this.#store.all()]) {
      if (!isOver(id)) continue;
      this.#store.forget(id);
      this.#admittedInOrder = this.#admittedInOrder.filter((one) => one !== id);
    }
    if (this.#admittedInOrder.length === 0) this.#begun.clear();
  }

  setPlaying(next: boolean): void {
    if (next === this.#isPlaying) return;
    this.#isPlaying = next;
    this.#pace.setRunning(next, this.#clock.now());
    this.#pump();
  }

  setConnected(next: boolean): void {
    this.#isConnected = next;
    this.#pump();
  }

  rewind(): void {
    this.#begun.clear();
    this.#framesSent = 0;
    this.#pace.reset(this.#clock.now());
    this.#pace.setRunning(this.#isPlaying, this.#clock.now());
    for (const id of this.#admittedInOrder) this.#store.rewind(id);
  }

  played(epoch: number, item: string, playedMs: number): void {
    const place = this.#begun.get(item);
    if (place?.epoch !== epoch) return;
    this.#store.played(item, Math.floor(msToSamples(playedMs)));
    this.#pace.reported(place.startMs + playedMs - place.fromMs, this.#clock.now());
    this.#pump();
  }

  get heldBytes(): number {
    return this.#store.bytes;
  }

  get leadMs(): number | null {
    return this.#isPlaying && this.#next() !== undefined ? this.#pace.aheadMs(this.#clock.now()) : null;
  }

  stop(): void {
    this.#cancelWake?.();
    this.#cancelWake = null;
    this.#isPlaying = false;
  }
}

export function createDownlink(options: DownlinkOptions): Downlink {
  return new PacedDownlink(options);
}
