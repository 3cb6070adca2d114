/**
 * The time of a mock call. Its own milliseconds pass in the same order whatever the speed: in real
 * time, quicker, as fast as the page can, or only when a test says so. Knows no call.
 */

/** Times faster than a clock on the wall; `Infinity` waits for nothing, `manual` for `advance()`. */
export type Speed = number | 'manual';

interface Timer {
  atMs: number;
  act: () => void;
}

export class MockClock {
  readonly #speed: Speed;
  #nowMs = 0;
  #timers: Timer[] = [];
  #armed: ReturnType<typeof setTimeout> | undefined;

  constructor(speed: Speed) {
    this.#speed = speed;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Resolves `ms` later; rejects with the signal's reason when that aborts before. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const aborted = () => {
        this.#timers = this.#timers.filter((one) => one !== timer);
        this.#arm();
        reject(signal.reason);
      };
      const act = () => {
        signal.removeEventListener('abort', aborted);
        resolve();
      };
      const timer = { atMs: this.#nowMs + Math.max(0, ms), act };
      this.#timers.push(timer);
      signal.addEventListener('abort', aborted);
      this.#arm();
    });
  }

  /** Lets `ms` pass, one event after the other, and resolves when what they led to is done. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(); next && next.atMs <= untilMs; next = this.#next()) {
      this.#fire(next);
      await settle();
    }
    this.#nowMs = untilMs;
  }

  #next(): Timer | undefined {
    // The one that was set first wins among those of the same time.
    return this.#timers.reduce<Timer | undefined>(
      (best, one) => (!best || one.atMs < best.atMs ? one : best),
      undefined,
    );
  }

  #fire(timer: Timer): void {
    this.#timers = this.#timers.filter((one) => one !== timer);
    this.#nowMs = timer.atMs;
    timer.act();
  }

  #arm(): void {
    clearTimeout(this.#armed);
    const next = this.#next();
    if (!next || this.#speed === 'manual') return;
    this.#armed = setTimeout(
      () => {
        this.#fire(next);
        this.#arm();
      },
      (next.atMs - this.#nowMs) / this.#speed,
    );
  }
}

/** Until everything that was waiting for a promise has run. */
const settle = () => new Promise<void>((resolve) => setTimeout(resolve));
