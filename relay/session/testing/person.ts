/**
 * A person at a page: a microphone that never stops, an ear that plays what the gate admits and
 * reports how far it is. Time is a virtual clock that this moves, and only as fast as what was
 * sent has arrived: a busy machine makes a conversation longer to run, not different. The audio
 * of the widget itself is tested elsewhere; this keeps its promises and measures what was heard.
 */
import { FLAG_LAST, FRAME_SAMPLES, msToSamples, samplesToMs, type RelayMessage } from '#wire';
import type { VirtualClock } from '../../testing/virtual-clock.ts';
import type { PageClient } from './page-client.ts';

/** How long the widget's detector takes to be sure, and to be sure of the end. */
const ONSET_MS = 40;
const OFFSET_MS = 100;
const REPORT_MS = 100;
const STEP_MS = 20;
const ROOM = new Int16Array(FRAME_SAMPLES);

interface Heard {
  item: string;
  epoch: number;
  fromMs: number;
  samples: Int16Array[];
  received: number;
  played: number;
  isLast: boolean;
}

export interface Person {
  /** Speaks; resolves when the last sample has left. */
  say(samples: Int16Array): Promise<void>;
  /** Samples of the item that reached the ear. */
  heard(item: string): Int16Array;
  heardMs(item: string): number;
  /** Milliseconds of sound that were played in all. */
  readonly playedMs: number;
  /** Longest silence for want of sound within an item that had begun and not ended. */
  readonly longestGapMs: number;
  /** Resolves when at least `ms` of the item were heard. */
  hears(item: string, ms: number): Promise<void>;
  /** Time stands still from now on. */
  leave(): void;
}

/** @param also - Whatever else must be answered before time goes on. */
export function personAt(page: PageClient, clock: VirtualClock, also?: () => Promise<void>): Person {
  const items: Heard[] = [];
  let epoch = 1;
  let isOpen = false;
  let isPaused = false;
  let speaking: { samples: Int16Array; at: number; utterance: string; isTold: boolean; done: () => void } | null = null;
  let utterances = 0;
  let reportedAt = 0;
  let playedSamples = 0;
  let isHere = true;
  let gapMs = 0;
  let longestGapMs = 0;
  const waiting = new Set<() => void>();

  const positionMs = (item: Heard) => item.fromMs + samplesToMs(item.played);
  const current = () => items.findLast((item) => item.epoch === epoch && item.played > 0);
  function report(isLast = false): void {
    const item = current();
    if (item) page.send({ type: 'playout', epoch, item: item.item, playedMs: positionMs(item), last: isLast });
    reportedAt = clock.now();
  }

  page.onEach((message, frame) => {
    if (frame) {
      const item = items.findLast((one) => one.epoch === frame.epoch);
      item?.samples.push(frame.samples);
      if (item) item.received += frame.samples.length;
      if (item && (frame.flags & FLAG_LAST) !== 0) item.isLast = true;
    } else if (message) obey(message);
  });

  function obey(message: RelayMessage): void {
    switch (message.type) {
      case 'item.started': {
        const { item, epoch: of, fromMs } = message;
        items.push({ item, epoch: of, fromMs, samples: [], received: 0, played: 0, isLast: false });
        break;
      }
      case 'gate.open':
        isOpen = true;
        break;
      case 'gate.close':
        report(true);
        epoch = message.epoch;
        isOpen = isPaused = false;
        break;
      case 'gate.pause':
        isPaused = true;
        report();
        break;
      case 'gate.resume': {
        const item = current();
        if (item) item.played = Math.max(0, item.played - msToSamples(message.rewindMs));
        isPaused = false;
        break;
      }
      case 'clip.play':
        page.send({ type: 'clip.ended', epoch: message.epoch, clip: message.clip });
        break;
      default:
    }
  }

  function play(ms: number): void {
    let budget = msToSamples(ms);
    while (isOpen && !isPaused && budget > 0) {
      const item = items.find((one) => one.epoch === epoch && !(one.isLast && one.played === one.received));
      if (!item) return;
      const part = Math.min(budget, item.received - item.played);
      item.played += part;
      playedSamples += part;
      budget -= part;
      if (item.isLast && item.played === item.received) {
        report();
        page.send({ type: 'playout.drained', epoch, item: item.item });
      } else if (part === 0) {
        if (item.played > 0) gapMs += samplesToMs(budget);
        longestGapMs = Math.max(longestGapMs, gapMs);
        return;
      }
      gapMs = 0;
    }
  }

  function speak(): void {
    const one = speaking;
    if (!one) {
      page.speak(ROOM);
      return;
    }
    page.speak(one.samples.slice(one.at, one.at + FRAME_SAMPLES));
    one.at += FRAME_SAMPLES;
    if (!one.isTold && samplesToMs(one.at) >= ONSET_MS) {
      one.isTold = true;
      const paused = isOpen && !isPaused && current() !== undefined;
      if (paused) isPaused = true;
      page.send({ type: 'user.onset', utterance: one.utterance, epoch, level: -20, paused });
      if (paused) report();
    }
    if (one.at < one.samples.length) return;
    speaking = null;
    clock.wakeAt(clock.now() + OFFSET_MS, () => page.send({ type: 'user.offset', utterance: one.utterance }));
    one.done();
  }

  /** Everything sent so far has arrived, here and behind the relay. */
  async function arrived(): Promise<void> {
    for (let trip = 0; trip < 2; trip++) {
      const answered = new Promise<void>((resolve) => page.socket.once('pong', () => resolve()));
      page.socket.ping();
      await Promise.race([answered, page.closed]);
    }
    page.socket.removeAllListeners('pong');
    await also?.();
  }

  async function live(): Promise<void> {
    while (isHere && page.socket.readyState === page.socket.OPEN) {
      clock.advance(STEP_MS);
      play(STEP_MS);
      speak();
      if (isOpen && !isPaused && clock.now() - reportedAt >= REPORT_MS) report();
      for (const look of [...waiting]) look();
      await arrived();
    }
  }
  void live();

  const total = (item: string) => items.filter((one) => one.item === item);
  const person: Person = {
    say(samples) {
      utterances += 1;
      const utterance = `w${utterances}`;
      return new Promise((done) => (speaking = { samples, at: 0, utterance, isTold: false, done }));
    },
    heard(item) {
      const parts = total(item).flatMap((one) => {
        const all = Int16Array.from(one.samples.flatMap((part) => [...part]));
        return [...all.subarray(0, one.played)];
      });
      return Int16Array.from(parts);
    },
    heardMs: (item) => total(item).reduce((_, one) => positionMs(one), 0),
    get playedMs() {
      return samplesToMs(playedSamples);
    },
    get longestGapMs() {
      return longestGapMs;
    },
    hears(item, ms) {
      return new Promise((resolve) => {
        const look = () => {
          if (person.heardMs(item) < ms) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      });
    },
    leave: () => (isHere = false),
  };
  return person;
}
