/**
 * The sound a client appended: what is not yet committed, and the last two minutes for whoever
 * wants to check that speech arrived whole. Times count all audio ever appended.
 */
import { joined, msToSamples, samplesToMs } from './pcm.ts';

/** How much of what was heard can be looked at afterwards, in milliseconds. */
export const KEPT_MS = 120_000;

/** The same of a session that few would look at. */
const LITTLE_MS = 10_000;

export class InputBuffer {
  #chunks: { at: number; samples: Int16Array }[] = [];
  /** Samples appended since the session began. */
  #end = 0;
  /** Where the uncommitted part begins. */
  #open = 0;
  #keptMs = KEPT_MS;

  append(samples: Int16Array): void {
    if (samples.length === 0) return;
    this.#chunks.push({ at: this.#end, samples });
    this.#end += samples.length;
    const keptFrom = Math.min(this.#open, this.#end - msToSamples(this.#keptMs));
    const firstKept = this.#chunks.findIndex(({ at, samples: kept }) => at + kept.length > keptFrom);
    if (firstKept > 0) this.#chunks.splice(0, firstKept);
  }

  /** Everything appended so far. */
  get totalMs(): number {
    return samplesToMs(this.#end);
  }

  /** What a commit would take. */
  get openMs(): number {
    return samplesToMs(this.#end - this.#open);
  }

  /** Where the uncommitted part begins. */
  get openFromMs(): number {
    return samplesToMs(this.#open);
  }

  /** Lets go of what is not committed, up to `untilMs`. */
  dropUntil(untilMs: number): void {
    this.#open = Math.max(this.#open, Math.min(msToSamples(untilMs), this.#end));
  }

  /** Takes the uncommitted part from `fromMs` to `toMs`; what lies before is dropped. */
  take(fromMs: number, toMs: number): Int16Array {
    const samples = this.#range(Math.max(this.#open, msToSamples(fromMs)), msToSamples(toMs));
    this.dropUntil(toMs);
    return samples;
  }

  /** A copy of the part between two instants, where it is still kept. */
  peek(fromMs: number, toMs: number): Int16Array {
    return this.#range(msToSamples(fromMs), msToSamples(toMs));
  }

  /** The last {@link KEPT_MS}, or less. */
  recent(): Int16Array {
    return this.#range(this.#end - msToSamples(KEPT_MS), this.#end);
  }

  /** From now on keeps the last seconds only, besides what is not committed. */
  keepLittle(): void {
    this.#keptMs = LITTLE_MS;
  }

  /** Lets go of all sound; times stay. */
  forget(): void {
    this.#chunks = [];
  }

  #range(from: number, to: number): Int16Array {
    return joined(
      this.#chunks
        .filter(({ at, samples }) => at < to && at + samples.length > from)
        .map(({ at, samples }) => samples.subarray(Math.max(0, from - at), Math.max(0, to - at))),
    );
  }
}
