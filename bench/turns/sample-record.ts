/**
 * The record of what really left the gate, kept beside the gate's own books: which sample of which
 * item, lane and epoch was read in each render quantum. It watches the two sources that the gate reads
 * from and changes nothing. One conversation at a time writes; see {@link keepIn}.
 */
import { RATE_HZ } from '#wire';
import { ClipPlayer } from '../../widget/audio/clip-player.ts';
import { LaneStream } from '../../widget/audio/lane-stream.ts';

const PER_MS = RATE_HZ / 1000;

/** Samples of one source that were read in one quantum. */
export interface Read {
  /** Of the device, at the start of the quantum. */
  frame: number;
  lane: 'A' | 'B' | 'C';
  epoch: number;
  item: string | null;
  response: string | null;
  /** In the item, and in the response's sound in order of arrival; `to` is behind the last sample. */
  from: number;
  to: number;
  base: number;
}

/** A run of an item's sound in the order in which it was received. */
interface Received {
  epoch: number;
  item: string;
  response: string;
  start: number;
  end: number;
  from: number;
  base: number;
}

let current: SampleRecord | null = null;

export class SampleRecord {
  readonly reads: Read[] = [];
  overlapSamples = 0;
  /** Samples of lane B so far. */
  agentSamples = 0;
  #frame = 0;
  #calls = 0;
  readonly #received: Received[] = [];
  #announced: { epoch: number; item: string; response: string; fromMs: number } | null = null;
  #clipLane: 'A' | 'C' = 'A';

  announced(item: string, response: string, epoch: number, fromMs: number): void {
    this.#announced = { item, response, epoch, fromMs };
  }

  clipPlayed(lane: 'A' | 'C'): void {
    this.#clipLane = lane;
  }

  /** The quantum at `frame` begins. */
  begin(frame: number): void {
    this.#frame = frame;
    this.#calls = 0;
  }

  /** @param rendered - samples of the wire's rate that the quantum made. */
  end(rendered: number): void {
    this.overlapSamples += Math.max(0, this.#calls - rendered);
  }

  /** Where the item's reading stands after all, in milliseconds. */
  endOf(item: string): number {
    const last = this.reads.findLast((read) => read.item === item);
    return (last?.to ?? 0) / PER_MS;
  }

  received(before: number, after: number, epoch: number): void {
    const announced = this.#announced;
    if (announced?.epoch === epoch) {
      this.#announced = null;
      const { item, response, fromMs } = announced;
      const from = Math.round(fromMs * PER_MS);
      const earlier = this.#received.findLast((one) => one.response === response);
      const base = earlier ? earlier.base + (earlier.end - earlier.start) + from : from;
      this.#received.push({ epoch, item, response, start: before, end: after, from, base });
      return;
    }
    const newest = this.#received.at(-1);
    if (newest) newest.end = after;
  }

  streamRead(at: number): void {
    this.#calls++;
    this.agentSamples++;
    const run = this.#received.findLast((one) => at >= one.start && at < one.end);
    if (!run) throw new Error('the gate read what it was never given');
    const { epoch, item, response } = run;
    const from = run.from + at - run.start;
    const last = this.reads.at(-1);
    if (last?.frame === this.#frame && last.item === item && last.to === from) last.to = from + 1;
    else {
      const base = run.base + at - run.start;
      this.reads.push({ frame: this.#frame, lane: 'B', epoch, item, response, from, to: from + 1, base });
    }
  }

  clipRead(epoch: number): void {
    this.#calls++;
    const last = this.reads.at(-1);
    if (last?.frame === this.#frame && last.item === null) last.to++;
    else {
      const lane = this.#clipLane;
      this.reads.push({ frame: this.#frame, lane, epoch, item: null, response: null, from: 0, to: 1, base: 0 });
    }
  }
}

/** From now on what is read belongs to `record`. */
export function keepIn(record: SampleRecord): void {
  current = record;
}

/** Puts `around` in the place of a method of every instance. */
function wrap<T, K extends keyof T>(prototype: T, name: K, around: (original: T[K]) => T[K]): void {
  prototype[name] = around(prototype[name]);
}

// What the gate holds is told by its streams' own public counters.
wrap(LaneStream.prototype, 'push', (original) => {
  return function (this: LaneStream, ...given) {
    const before = this.mark;
    const isKept = original.apply(this, given);
    if (this.mark > before) current?.received(before, this.mark, given[0]);
    return isKept;
  };
});
wrap(LaneStream.prototype, 'next', (original) => {
  return function (this: LaneStream) {
    current?.streamRead(this.mark - this.unread);
    return original.call(this);
  };
});
wrap(ClipPlayer.prototype, 'next', (original) => {
  return function (this: ClipPlayer) {
    current?.clipRead(this.epoch);
    return original.call(this);
  };
});
