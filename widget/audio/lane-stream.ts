/**
 * The sound that came from the relay and has not been played: items one after another in one ring,
 * with what policy has admitted of each response. A little of what was played stays, so that a pause
 * can resume earlier and a position can be told that is already on its way to the ear.
 * Positions are samples. Knows nothing about gates, fades or time.
 */
import type { WireLane } from '#wire';

/** Kept behind the reading position: the longest rewind, and the longest output latency. */
const KEEP_MS = 1000;
/** How far from the wanted place a rewind looks for a quiet one. */
const SEARCH_MS = 30;
/** Length over which quiet is judged. */
const QUIET_MS = 4;

/** One run of an item's sound in the ring. */
interface Run {
  item: string;
  response: string;
  epoch: number;
  lane: WireLane;
  /** In the ring's own count. */
  start: number;
  end: number;
  /** Position of `start` in its item. */
  from: number;
  /** Position of `start` in its response, over all its items in order of arrival. */
  base: number;
  isLast: boolean;
}

/** Where a reader is: a position in an item. */
export interface Place {
  epoch: number;
  item: string;
  samples: number;
}

export class LaneStream {
  readonly #ring: Int16Array;
  readonly #perMs: number;
  readonly #runs: Run[] = [];
  /** What is announced and not begun, of which the next frames are. */
  #announced: Run | null = null;
  /** Samples of the next frames that were received before (the relay went back after a reconnect). */
  #skip = 0;
  readonly #admitted = new Map<string, number>();
  #read = 0;
  #written = 0;
  /** Nothing before this may be read again. */
  #floor = 0;

  constructor(rateHz: number, capacityMs: number) {
    this.#perMs = rateHz / 1000;
    this.#ring = new Int16Array(Math.round((capacityMs + KEEP_MS) * this.#perMs));
  }

  get isEmpty(): boolean {
    return this.#read === this.#written;
  }

  /** Samples that have not been played, admitted or not. */
  get unread(): number {
    return this.#written - this.#read;
  }

  /** Nothing is left to play, and the last item is complete. */
  get isDrained(): boolean {
    return this.isEmpty && this.isWhole;
  }

  /** The last item in the ring is complete. */
  get isWhole(): boolean {
    return this.#runs.at(-1)?.isLast === true && this.#announced === null;
  }

  /** The ring's count at the end of what has been received: all before it goes by `drop`. */
  get mark(): number {
    return this.#written;
  }

  /** The frames of this epoch and lane that follow belong to this item. */
  announce(item: string, response: string, epoch: number, lane: WireLane, fromMs: number): void {
    const from = Math.round(fromMs * this.#perMs);
    let base = from;
    this.#skip = 0;
    const known = this.#runs.findLast((run) => run.item === item && run.epoch === epoch);
    if (known !== undefined) {
      const end = known.from + known.end - known.start;
      this.#skip = Math.max(0, end - from);
      base = known.base - known.from + from;
    } else {
      const before = this.#runs.findLast((run) => run.response === response && run.epoch === epoch);
      if (before !== undefined) base += before.base + before.end - before.start;
    }
    const at = this.#skip;
    this.#announced = {
      item,
      response,
      epoch,
      lane,
      start: 0,
      end: 0,
      from: from + at,
      base: base + at,
      isLast: false,
    };
  }

  /** @returns false when the frame had no place: not announced, or more than the ring holds. */
  push(epoch: number, lane: WireLane, samples: Int16Array, isLast: boolean): boolean {
    const run = this.#runFor(epoch, lane);
    if (run === null) return false;
    const skipped = Math.min(this.#skip, samples.length);
    this.#skip -= skipped;
    const count = samples.length - skipped;
    const keep = Math.max(this.#floor, this.#read - KEEP_MS * this.#perMs);
    if (count > this.#ring.length - (this.#written - keep)) {
      // Positions after the hole must stay true, so what follows is a run of its own.
      const length = run.end - run.start + count;
      this.#announced = { ...run, from: run.from + length, base: run.base + length };
      return false;
    }
    for (let i = 0; i < count; i++)
      this.#ring[(this.#written + i) % this.#ring.length] = samples[skipped + i] as number;
    this.#written += count;
    run.end = this.#written;
    run.isLast = isLast;
    return true;
  }

  #runFor(epoch: number, lane: WireLane): Run | null {
    const announced = this.#announced;
    if (announced?.epoch === epoch && announced.lane === lane) {
      this.#announced = null;
      const run = { ...announced, start: this.#written, end: this.#written };
      const kept = this.#runs.findIndex(({ end }) => end >= this.#read - KEEP_MS * this.#perMs);
      if (kept > 0) this.#runs.splice(0, kept);
      this.#runs.push(run);
      return run;
    }
    const newest = this.#runs.at(-1);
    return newest?.epoch === epoch && newest.lane === lane ? newest : null;
  }

  /** `upToMs` counts over the response's sound in order of arrival; without it all of it is admitted. */
  admit(response: string, upToMs: number | undefined): void {
    this.#admitted.set(response, upToMs === undefined ? Infinity : Math.floor(upToMs * this.#perMs));
  }

  /** Samples that may be played now, without a break, from the reading position on. */
  available(epoch: number, lane: WireLane): number {
    let end = this.#read;
    for (const run of this.#runs) {
      if (run.end <= this.#read) continue;
      if (run.epoch !== epoch || run.lane !== lane) break;
      const admitted = run.start + (this.#admitted.get(run.response) ?? 0) - run.base;
      end = Math.max(end, Math.min(run.end, admitted));
      if (end < run.end) break;
    }
    return end - this.#read;
  }

  /** The sample at the reading position, which moves on. */
  next(): number {
    return (this.#ring[this.#read++ % this.#ring.length] as number) / 32_768;
  }

  /** Goes back by `samples`, as far as there are any. */
  back(samples: number): void {
    this.#read = Math.max(this.#oldest(), this.#read - samples);
  }

  /** Goes back about `ms`, to a quiet place if there is one near. */
  rewind(ms: number): void {
    const search = Math.round(SEARCH_MS * this.#perMs);
    const window = Math.round(QUIET_MS * this.#perMs);
    const wanted = this.#read - Math.round(ms * this.#perMs);
    const lowest = Math.max(this.#oldest(), wanted - search);
    const highest = Math.min(this.#read, wanted + search);
    let best = Math.max(lowest, wanted);
    let least = Infinity;
    for (let at = lowest; at + window <= highest; at += window >> 2) {
      let energy = 0;
      for (let i = 0; i < window; i++) energy += (this.#ring[(at + i) % this.#ring.length] as number) ** 2;
      // Of places equally quiet the one nearest to what was asked for.
      if (energy < least || (energy === least && Math.abs(at - wanted) < Math.abs(best - wanted))) {
        least = energy;
        best = at;
      }
    }
    this.#read = Math.min(best, this.#read);
  }

  #oldest(): number {
    return Math.max(this.#floor, this.#written - this.#ring.length);
  }

  /** Forgets everything before `mark` and everything of an epoch older than `epoch`. */
  drop(mark: number, epoch: number): void {
    let floor = Math.max(this.#floor, Math.min(mark, this.#written));
    for (const run of this.#runs) {
      if (run.epoch < epoch) floor = Math.max(floor, run.end);
    }
    this.#floor = floor;
    this.#read = Math.max(this.#read, floor);
    // The newest run stays as long as its frames may still come.
    const newest = this.#runs.at(-1);
    const kept = this.#runs.filter((run) => run.end > floor || (run === newest && run.epoch >= epoch));
    this.#runs.splice(0, this.#runs.length, ...kept);
    if (this.#announced !== null && this.#announced.epoch < epoch) this.#announced = null;
  }

  /** What was admitted belonged to responses that are over. */
  forgetAdmissions(): void {
    this.#admitted.clear();
  }

  /**
   * The place that a listener has reached who is `lag` samples behind the reading position, and,
   * where that is in a later item than `before`, the end of the item of `before` first.
   */
  places(lag: number, before: Place | null): Place[] {
    const at = Math.max(this.#floor, this.#read - lag);
    let here: Run | undefined = this.#runs[0];
    for (const run of this.#runs) {
      if (run.start < at) here = run;
    }
    if (here === undefined) return [];
    const samples = at <= here.start && here === this.#runs[0] ? 0 : here.from + Math.min(at, here.end) - here.start;
    const place = { epoch: here.epoch, item: here.item, samples };
    if (before === null || before.epoch !== here.epoch || before.item === here.item) return [place];
    const index = this.#runs.findLastIndex((run) => run.item === before.item && run.epoch === before.epoch);
    const ended = this.#runs[index];
    if (ended === undefined || index > this.#runs.indexOf(here)) return [place];
    return [{ ...before, samples: ended.from + ended.end - ended.start }, place];
  }
}
