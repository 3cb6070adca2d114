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

class HeardSettlement implements Settlement {
  readonly #options: SettlementOptions;
  readonly #clock: Clock;
  readonly #begun = new Set<string>();
  /** Items whose exact end the page is about to tell. */
  readonly #uncertain = new Set<string>();
  readonly #waiting = new Map<string, number>();
  #requested: string[] = [];
  #isHeld = false;
  #cancelWait: (() => void) | null = null;

  constructor(options: SettlementOptions) {
    this.#options = options;
    const { clock } = options;
    this.#clock = clock;
  }

  #tell(item: string, audioEndMs: number): void {
    if (audioEndMs <= 0) this.#options.remove(item);
    else if (audioEndMs < this.#options.receivedMs(item)) this.#options.truncate(item, audioEndMs);
  }

  flush(): void {
    this.#cancelWait?.();
    this.#cancelWait = null;
    for (const [item, audioEndMs] of this.#waiting) this.#tell(item, audioEndMs);
    this.#waiting.clear();
    this.#uncertain.clear();
    const turns = this.#requested;
    this.#requested = [];
    for (const turn of turns) this.#options.request(turn);
  }

  began(item: string): void {
    this.#begun.add(item);
    const [oldest] = this.#begun;
    if (this.#begun.size > MOST_BEGUN && oldest !== undefined) this.#begun.delete(oldest);
  }

  held(): void {
    this.#isHeld = true;
  }

  released(): void {
    this.#isHeld = false;
  }

  closed(): void {
    this.#uncertain.clear();
    if (!this.#isHeld) for (const item of this.#begun) this.#uncertain.add(item);
    this.#begun.clear();
    this.#isHeld = false;
  }

  settle(item: string, audioEndMs: number): void {
    if (!this.#uncertain.has(item)) {
      if (audioEndMs <= 0) this.#options.remove(item);
      else this.#options.truncate(item, audioEndMs);
      return;
    }
    this.#waiting.set(item, audioEndMs);
    this.#cancelWait ??= this.#clock.wakeAt(this.#clock.now() + LONGEST_WAIT_MS, () =>
      this.#options.run(() => this.flush()),
    );
  }

  request(turn: string): void {
    if (this.#waiting.size === 0) this.#options.request(turn);
    else this.#requested.push(turn);
  }

  reported(item: string, playedMs: number, isLast: boolean): void {
    if (this.#waiting.has(item)) this.#waiting.set(item, Math.floor(playedMs));
    if (isLast && this.#waiting.size > 0) this.flush();
  }
}

export function createSettlement(options: SettlementOptions): Settlement {
  return new HeardSettlement(options);
}
