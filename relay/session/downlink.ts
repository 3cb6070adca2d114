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

export function createDownlink({ clock, message, frame, onFirstSent }: DownlinkOptions): Downlink {
  const store = createSoundStore();
  const pace = createPace();
  /** Where each item that was begun stands on the pace's scale. */
  const begun = new Map<string, { epoch: number; startMs: number; fromMs: number }>();
  let admittedInOrder: string[] = [];
  let isPlaying = true;
  let isConnected = true;
  let framesSent = 0;
  let cancelWake: (() => void) | null = null;

  /** The item to send from now, with its response. */
  function next(): { response: StoredResponse; item: StoredItem; epoch: number; upTo: number } | undefined {
    for (const id of admittedInOrder) {
      const response = store.get(id);
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

  /** Samples of the item that may be sent now, and whether they are its last. */
  function sendable(item: StoredItem, upTo: number): { count: number; isAll: boolean } {
    const allowed = upTo - item.offset;
    const isAll = item.isComplete && allowed >= item.received - SUB_MS;
    if (isAll) return { count: item.received - item.sent, isAll };
    const end = Math.min(allowed, item.received - RESERVE);
    return { count: Math.max(0, end - item.sent), isAll };
  }

  function wakeIn(ms: number): void {
    cancelWake?.();
    cancelWake = clock.wakeAt(clock.now() + ms, () => {
      cancelWake = null;
      pump();
    });
  }

  function frameMs(): number {
    if (framesSent < SHORT_FRAMES) return FRAME_MS;
    return framesSent < MIDDLE_FRAMES ? FRAME_MS * 2 : BATCH_MS;
  }

  function pump(): void {
    cancelWake?.();
    cancelWake = null;
    while (isPlaying && isConnected) {
      const now = clock.now();
      const turn = next();
      if (!turn) return;
      const { response, item, epoch, upTo } = turn;
      const { count, isAll } = sendable(item, upTo);
      if (count <= 0) {
        if (!isAll) return;
        item.isFinished = true;
        continue;
      }
      const aheadMs = pace.aheadMs(now);
      if (aheadMs === 0) framesSent = 0;
      const wanted = msToSamples(frameMs());
      const part = Math.min(wanted, count);
      // What is not yet a whole frame waits for more, as long as the ear has enough.
      if (part < wanted && !isAll && aheadMs >= URGENT_MS + pace.lagMs) {
        wakeIn(aheadMs - URGENT_MS - pace.lagMs + 1);
        return;
      }
      if (part < RESERVE && !isAll) return;
      const partMs = samplesToMs(part);
      const overMs = aheadMs + partMs - LEAD_MS - pace.lagMs;
      if (overMs > 0) {
        wakeIn(Math.max(1, overMs));
        return;
      }
      send(response, item, epoch, part, isAll && part === count, now);
    }
  }

  function send(
    response: StoredResponse,
    item: StoredItem,
    epoch: number,
    count: number,
    isLast: boolean,
    now: number,
  ): void {
    if (!begun.has(item.id)) {
      const fromMs = samplesToMs(item.sent);
      begun.set(item.id, { epoch, startMs: pace.sentMs, fromMs });
      message({
        type: 'item.started',
        item: item.id,
        response: response.id,
        turn: response.turn,
        epoch,
        lane: 'B',
        fromMs,
      });
      onFirstSent(response.turn);
    }
    const samples = store.take(item, count);
    pace.sent(samplesToMs(count), now);
    framesSent += 1;
    item.isFinished = isLast;
    frame({ epoch, lane: 'B', flags: isLast ? FLAG_LAST : 0, samples });
  }

  return {
    receive(response, turn, item, samples) {
      const isKept = store.add(response, turn, item, samples);
      pump();
      return isKept;
    },
    trim: (response, item, position) => store.trim(response, item, position),
    complete(response) {
      store.complete(response);
      pump();
    },
    admit(id, epoch, upToMs) {
      const response = store.get(id);
      if (!response) return;
      response.admitted = { epoch, upTo: upToMs === undefined ? Infinity : msToSamples(upToMs) };
      if (!admittedInOrder.includes(id)) admittedInOrder.push(id);
      pump();
    },
    close(isWanted) {
      cancelWake?.();
      cancelWake = null;
      for (const { id } of [...store.all()]) {
        if (isWanted(id)) store.restart(id);
        else store.forget(id);
      }
      admittedInOrder = [];
      begun.clear();
      framesSent = 0;
      pace.reset(clock.now());
      pace.setRunning(isPlaying, clock.now());
    },
    forget(isOver) {
      for (const { id } of [...store.all()]) {
        if (!isOver(id)) continue;
        store.forget(id);
        admittedInOrder = admittedInOrder.filter((one) => one !== id);
      }
      if (admittedInOrder.length === 0) begun.clear();
    },
    setPlaying(next) {
      if (next === isPlaying) return;
      isPlaying = next;
      pace.setRunning(next, clock.now());
      pump();
    },
    setConnected(next) {
      isConnected = next;
      pump();
    },
    rewind() {
      begun.clear();
      framesSent = 0;
      pace.reset(clock.now());
      pace.setRunning(isPlaying, clock.now());
      for (const id of admittedInOrder) store.rewind(id);
    },
    played(epoch, item, playedMs) {
      const place = begun.get(item);
      if (place?.epoch !== epoch) return;
      store.played(item, Math.floor(msToSamples(playedMs)));
      pace.reported(place.startMs + playedMs - place.fromMs, clock.now());
      pump();
    },
    get heldBytes() {
      return store.bytes;
    },
    get leadMs() {
      return isPlaying && next() !== undefined ? pace.aheadMs(clock.now()) : null;
    },
    stop() {
      cancelWake?.();
      cancelWake = null;
      isPlaying = false;
    },
  };
}
