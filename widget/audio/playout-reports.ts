/**
 * What the relay is told of playout: how far each item was heard, that all of it was, that a clip
 * ended. Heard is what left the gate less the device's latency, which shrinks to nothing while the
 * gate is silent: what is on its way to the ear still gets there. Time is a count of samples.
 */
import type { LaneStream, Place } from './lane-stream.ts';

/** At most one regular report in this time. */
const EVERY_MS = 100;

export type PlayoutEvent =
  /** `last`: the gate is closed, nothing more of the epoch is heard. */
  | { type: 'playout'; epoch: number; item: string; playedMs: number; last?: true }
  | { type: 'drained'; epoch: number; item: string }
  | { type: 'clip.ended'; epoch: number; clip: string };

type Ending = Exclude<PlayoutEvent, { type: 'playout' }>;

export class PlayoutReports {
  /** How much later than it leaves the gate a sample is heard, in samples. */
  latency = 0;
  readonly #stream: LaneStream;
  readonly #perMs: number;
  readonly #emit: (event: PlayoutEvent) => void;
  readonly #endings: { event: Ending; left: number }[] = [];
  #isLive = false;
  #silentFor = 0;
  #since = 0;
  #told: Place | null = null;

  constructor(stream: LaneStream, rateHz: number, emit: (event: PlayoutEvent) => void) {
    this.#stream = stream;
    this.#perMs = rateHz / 1000;
    this.#emit = emit;
  }

  /** The stream is heard (again). */
  streamStarted(): void {
    this.#isLive = true;
    // "Drained" means all of it, so more of it takes the word back.
    const kept = this.#endings.filter(({ event }) => event.type !== 'drained');
    this.#endings.splice(0, this.#endings.length, ...kept);
  }

  streamDrained(): void {
    const [place] = this.#stream.places(0, null);
    if (place === undefined) return;
    this.#endings.push({ event: { type: 'drained', epoch: place.epoch, item: place.item }, left: this.latency });
  }

  clipEnded(epoch: number, clip: string): void {
    this.#endings.push({ event: { type: 'clip.ended', epoch, clip }, left: this.latency });
  }

  /** `count` samples went by. */
  advance(count: number, isSounding: boolean): void {
    this.#silentFor = isSounding ? 0 : this.#silentFor + count;
    this.#since += count;
    for (const ending of this.#endings) ending.left -= count;
    const [first] = this.#endings;
    if (first !== undefined && first.left <= 0) {
      this.#endings.shift();
      this.#end(first.event);
    }
    if (this.#isLive && this.#since >= EVERY_MS * this.#perMs) this.report();
  }

  #end(event: Ending): void {
    if (event.type === 'drained') {
      this.report(0);
      this.#isLive = false;
    }
    this.#emit(event);
  }

  /** Tells the place that has been heard, if it is another than was told last. */
  report(lag: number = Math.max(0, this.latency - this.#silentFor)): void {
    this.#since = 0;
    if (!this.#isLive) return;
    for (const place of this.#stream.places(lag, this.#told)) {
      const { epoch, item, samples } = place;
      if (this.#told?.item === item && this.#told.samples === samples && this.#told.epoch === epoch) continue;
      this.#tell(place);
    }
  }

  #tell(place: Place, isLast = false): void {
    const { epoch, item, samples } = place;
    this.#told = place;
    const playedMs = Math.floor(samples / this.#perMs);
    this.#emit({ type: 'playout', epoch, item, playedMs, ...(isLast && { last: true }) });
  }

  /**
   * A last report, also when it says nothing new: somebody waits for it. Then nothing more of what was playing.
   *
   * @param lag - samples between the reading position and what will have been heard; negative where a fade runs on.
   */
  close(lag: number): void {
    if (this.#isLive) {
      const places = this.#stream.places(lag, this.#told);
      for (const [index, place] of places.entries()) this.#tell(place, index === places.length - 1);
    }
    this.#isLive = false;
    this.#told = null;
    this.#endings.length = 0;
  }
}
