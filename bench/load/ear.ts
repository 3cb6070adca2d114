/**
 * An ear at the end of the line: it plays what the gate admits, at the pace of a clock, says how
 * far it is, and notices every moment in which it should have had something to play and had
 * nothing. It reckons by when sound arrived, so that it needs no timer finer than its reports.
 */
import { FLAG_LAST, samplesToMs, type AudioFrame, type RelayMessage, type WidgetMessage } from '#wire';

const REPORT_MS = 100;

export interface EarOptions {
  /** Monotonic milliseconds. */
  now: () => number;
  /** Calls once, that much later. @returns what cancels it. */
  later: (ms: number, call: () => void) => () => void;
  send: (message: WidgetMessage) => void;
  /** The first sound of an answer can be heard. */
  onFirst: (turn: string) => void;
  /** A clip begins to be heard. */
  onClip: () => void;
  /** So many milliseconds of silence in the middle of an answer, for want of sound. */
  onUnderrun: (ms: number) => void;
}

export interface Ear {
  message(message: RelayMessage): void;
  frame(frame: AudioFrame): void;
  /** The person speaks: the page pauses by itself. @returns whether there was something to pause. */
  interrupt(): boolean;
  readonly epoch: number;
  /** Something is heard, or about to be. */
  readonly isPlaying: boolean;
  /** Milliseconds of answers that were heard since the last clip or silence. */
  readonly heardMs: number;
  stop(): void;
}

interface Item {
  id: string;
  turn: string;
  epoch: number;
  fromMs: number;
  receivedMs: number;
  playedMs: number;
  isLast: boolean;
}

export function createEar({ now, later, send, onFirst, onClip, onUnderrun }: EarOptions): Ear {
  let epoch = 1;
  let isOpen = false;
  let isPaused = false;
  let items: Item[] = [];
  let movedAt = 0;
  let gapMs = 0;
  let heardMs = 0;
  let cancelReport: (() => void) | null = null;
  let clip: { cancel: () => void; end: () => void } | null = null;
  const clipsMs = new Map<string, number>();

  const current = () => items.find((item) => item.epoch === epoch && !(item.isLast && isOver(item)));
  const isOver = (item: Item) => item.playedMs >= item.receivedMs - 0.01;
  const isMoving = () => isOpen && !isPaused;

  function report(item: Item, last = false): void {
    const playedMs = Math.round((item.fromMs + item.playedMs) * 10) / 10;
    send({ type: 'playout', epoch: item.epoch, item: item.id, playedMs, ...(last && { last }) });
  }
  /** What was heard last, for a report at a standstill. */
  const newest = () => items.findLast((item) => item.epoch === epoch && item.playedMs > 0);

  /** Plays up to now. */
  function advance(): void {
    const at = now();
    let leftMs = at - movedAt;
    movedAt = at;
    if (!isMoving()) return;
    for (let item = current(); item !== undefined && leftMs > 0; item = current()) {
      const partMs = Math.min(leftMs, item.receivedMs - item.playedMs);
      item.playedMs += partMs;
      heardMs += partMs;
      leftMs -= partMs;
      if (item.isLast && isOver(item)) {
        report(item);
        send({ type: 'playout.drained', epoch: item.epoch, item: item.id });
        continue;
      }
      // Nothing more is there; whether it was missed shows when more comes.
      if (leftMs > 0.01 && item.receivedMs > 0) gapMs += leftMs;
      return;
    }
  }

  function watch(): void {
    cancelReport ??= later(REPORT_MS, () => {
      cancelReport = null;
      const before = current();
      advance();
      const item = current();
      if (item && item === before && isMoving() && item.playedMs > 0) report(item);
      items = items.filter((one) => one.epoch >= epoch && !(one.isLast && isOver(one)));
      if (current() !== undefined) watch();
      else heardMs = 0;
    });
  }

  function endClip(): void {
    const one = clip;
    clip = null;
    one?.cancel();
    one?.end();
  }

  function begin(message: Extract<RelayMessage, { type: 'session.created' | 'session.resumed' }>): void {
    if (message.type === 'session.resumed' && message.kept === 'all') return;
    ({ epoch } = message);
    isOpen = isPaused = false;
    items = [];
    clip?.cancel();
    clip = null;
  }

  return {
    message(message) {
      switch (message.type) {
        case 'session.created':
        case 'session.resumed':
          begin(message);
          break;
        case 'item.started': {
          const { item, turn, epoch: of, fromMs } = message;
          items.push({ id: item, turn, epoch: of, fromMs, receivedMs: 0, playedMs: 0, isLast: false });
          break;
        }
        case 'gate.open':
          advance();
          isOpen = true;
          break;
        case 'gate.close': {
          advance();
          const item = newest();
          if (item) report(item, true);
          ({ epoch } = message);
          isOpen = isPaused = false;
          items = items.filter((one) => one.epoch >= epoch);
          gapMs = heardMs = 0;
          endClip();
          break;
        }
        case 'gate.pause':
          advance();
          isPaused = true;
          for (const item of [newest()]) if (item) report(item);
          break;
        case 'gate.resume': {
          advance();
          const item = newest();
          if (item) item.playedMs = Math.max(0, item.playedMs - message.rewindMs);
          isPaused = false;
          gapMs = 0;
          break;
        }
        case 'clip.added':
          clipsMs.set(message.clip, message.ms);
          break;
        case 'clip.play': {
          endClip();
          const { epoch: of, clip: id } = message;
          const end = () => send({ type: 'clip.ended', epoch: of, clip: id });
          const cancel = later(clipsMs.get(id) ?? 0, () => {
            clip = null;
            end();
          });
          clip = { cancel, end };
          onClip();
          break;
        }
        default:
      }
    },
    frame(frame) {
      const item = items.findLast((one) => one.epoch === frame.epoch);
      if (item === undefined || frame.lane !== 'B') return;
      advance();
      if (gapMs > 0 && frame.epoch === epoch) {
        if (item.receivedMs > 0) onUnderrun(gapMs);
        gapMs = 0;
      }
      if (item.receivedMs === 0) {
        endClip();
        onFirst(item.turn);
      }
      item.receivedMs += samplesToMs(frame.samples.length);
      item.isLast = (frame.flags & FLAG_LAST) !== 0;
      watch();
    },
    interrupt() {
      advance();
      const item = newest();
      if (!isMoving() || item === undefined || current() === undefined) return false;
      isPaused = true;
      report(item);
      return true;
    },
    get epoch() {
      return epoch;
    },
    get isPlaying() {
      return clip !== null || current() !== undefined;
    },
    get heardMs() {
      return heardMs;
    },
    stop() {
      cancelReport?.();
      cancelReport = null;
      clip?.cancel();
      clip = null;
      items = [];
    },
  };
}
