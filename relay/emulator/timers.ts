/** The timers of one session, so that its end leaves none behind. */
import type { Clock } from '../clock.ts';

export class Timers {
  readonly #clock: Clock;
  readonly #running = new Set<() => void>();
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  wallNow(): number {
    return this.#clock.wallNow();
  }

  /** Calls `wake` once in `ms` milliseconds, unless it is cancelled or the session ends first. @returns what cancels it. */
  after(ms: number, wake: () => void): () => void {
    if (this.#isStopped) return () => undefined;
    const stop = this.#clock.wakeAt(this.#clock.now() + Math.max(0, ms), () => {
      this.#running.delete(cancel);
      wake();
    });
    const cancel = (): void => {
      this.#running.delete(cancel);
      stop();
    };
    this.#running.add(cancel);
    return cancel;
  }

  /** Cancels all; nothing can be started any more. */
  stop(): void {
    this.#isStopped = true;
    for (const cancel of [...this.#running]) cancel();
  }
}
