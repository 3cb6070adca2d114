/**
 * Time as a dependency: everything that decides takes a `Clock`, only shells make one.
 * Monotonic milliseconds, so that a corrected wall clock moves no deadline.
 */
export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number;
  /** Milliseconds since 1970, for tokens and records. */
  wallNow(): number;
  /**
   * Calls `wake` once, at or after `at` on this clock.
   *
   * @returns what cancels it; calling it late or twice does nothing.
   */
  wakeAt(at: number, wake: () => void): () => void;
}

/** The machine's clock. Its timers keep no process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  wakeAt(at, wake) {
    const timer = setTimeout(wake, Math.max(0, at - performance.now()));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
