/**
 * When the model is told how much of an answer was heard. The arbiter settles items in the step of a
 * kill, by the last report it has. Where the page had paused, that report is exact; where the gate
 * closes over running sound, the exact one is on its way back. So the word to the provider waits for
 * it, no longer than a bound, and with it the request that must find the memory settled. What to ask
 * for and whether is the arbiter's; this only puts the gate's own last count in the place of an older one.
 */
import type { Clock } from '../clock.ts';

/** A page that is further away than this, or gone, is not waited for. */
const LONGEST_WAIT_MS = 300;
/** Items of one epoch remembered; what is heard is among the last. */
const MOST_BEGUN = 16;

export interface SettlementOptions {
  clock: Clock;
  /** Runs a job of this file's timer in the session's order. */
  run: (job: () => void) => void;
  /** How much of the item's sound was received, in milliseconds. */
  receivedMs: (item: string) => number;
  truncate: (item: string, audioEndMs: number) => void;
  remove: (item: string) => void;
  request: (turn: string) => void;
}

export interface Settlement {
  /** Sound of the item left for the page. */
  began(item: string): void;
  /** The page holds its sound at a place that it has told. */
  held(): void;
  /** The sound goes on. */
  released(): void;
  /** The gate closes: what is settled in this step may be known better in a moment. */
  closed(): void;
  /** @param audioEndMs - what the arbiter knows to have been heard; 0 is nothing of it. */
  settle(item: string, audioEndMs: number): void;
  /** Asks for a response, after what must be settled before it. */
  request(turn: string): void;
  /** The page's report of a place; `isLast` when it is what the gate counted at its close. */
  reported(item: string, playedMs: number, isLast: boolean): void;
  /** Waits for nothing any more. */
  flush(): void;
}

export function createSettlement(options: SettlementOptions): Settlement {
  const { clock } = options;
  const begun = new Set<string>();
  /** Items whose exact end the page is about to tell. */
  const uncertain = new Set<string>();
  const waiting = new Map<string, number>();
  let requested: string[] = [];
  let isHeld = false;
  let cancelWait: (() => void) | null = null;

  function tell(item: string, audioEndMs: number): void {
    if (audioEndMs <= 0) options.remove(item);
    else if (audioEndMs < options.receivedMs(item)) options.truncate(item, audioEndMs);
  }

  function flush(): void {
    cancelWait?.();
    cancelWait = null;
    for (const [item, audioEndMs] of waiting) tell(item, audioEndMs);
    waiting.clear();
    uncertain.clear();
    const turns = requested;
    requested = [];
    for (const turn of turns) options.request(turn);
  }

  return {
    began(item) {
      begun.add(item);
      const [oldest] = begun;
      if (begun.size > MOST_BEGUN && oldest !== undefined) begun.delete(oldest);
    },
    held() {
      isHeld = true;
    },
    released() {
      isHeld = false;
    },
    closed() {
      uncertain.clear();
      if (!isHeld) for (const item of begun) uncertain.add(item);
      begun.clear();
      isHeld = false;
    },
    settle(item, audioEndMs) {
      if (!uncertain.has(item)) {
        if (audioEndMs <= 0) options.remove(item);
        else options.truncate(item, audioEndMs);
        return;
      }
      waiting.set(item, audioEndMs);
      cancelWait ??= clock.wakeAt(clock.now() + LONGEST_WAIT_MS, () => options.run(flush));
    },
    request(turn) {
      if (waiting.size === 0) options.request(turn);
      else requested.push(turn);
    },
    reported(item, playedMs, isLast) {
      if (waiting.has(item)) waiting.set(item, Math.floor(playedMs));
      if (isLast && waiting.size > 0) flush();
    },
    flush,
  };
}
