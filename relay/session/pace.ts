/**
 * Where the ear is in what was sent: the page's reports, and between them the clock. Positions
 * count all sound of lane B since the gate last closed. Knows no socket and no queue.
 */

/** Without a report for this long the ear is taken to stand still. */
const REPORT_LIFE_MS = 2_000;
/** The ear's lag that a report no longer shows fades by this share with every report: half in 0.7 s. */
const LAG_KEPT = 0.9;
/** More is a page that stalls, which more sound does not help. */
const MOST_LAG_MS = 400;

export interface Pace {
  /** Milliseconds sent but not yet played. */
  aheadMs(now: number): number;
  sent(ms: number, now: number): void;
  /**
   * How far behind an ear without any way to it the reports have been lately: network there and back, the
   * page's own buffer, its device, and their unevenness. So much of the lead is never in the page.
   */
  readonly lagMs: number;
  /** Position at which the next sound will be sent. */
  readonly sentMs: number;
  /** The page says that it is at `positionMs`. */
  reported(positionMs: number, now: number): void;
  /** A paused gate or a suspended device plays nothing. */
  setRunning(isRunning: boolean, now: number): void;
  reset(now: number): void;
}

class PlayoutPace implements Pace {
  #sentMs = 0;
  #playedMs = 0;
  /** Where an ear at this end of the wire would be. */
  #nearMs = 0;
  #lagMs = 0;
  #at = 0;
  #reportedAt: number | null = null;
  #isRunning = true;

  #settle(now: number): void {
    // A page that reports and then falls silent has stalled; one that never reports plays on.
    const until = this.#reportedAt === null ? now : Math.min(now, this.#reportedAt + REPORT_LIFE_MS);
    if (this.#isRunning && until > this.#at) {
      this.#playedMs = Math.min(this.#sentMs, this.#playedMs + (until - this.#at));
      this.#nearMs = Math.min(this.#sentMs, this.#nearMs + (until - this.#at));
    }
    this.#at = Math.max(this.#at, now);
  }

  aheadMs(now: number): number {
    this.#settle(now);
    return this.#sentMs - this.#playedMs;
  }

  get lagMs(): number {
    return this.#lagMs;
  }

  get sentMs(): number {
    return this.#sentMs;
  }

  sent(ms: number, now: number): void {
    this.#settle(now);
    // The first sound after a silence starts the ear's clock afresh.
    if (this.#sentMs === this.#playedMs && this.#reportedAt !== null) this.#reportedAt = now;
    this.#sentMs += ms;
  }

  reported(positionMs: number, now: number): void {
    this.#settle(now);
    this.#lagMs = Math.min(MOST_LAG_MS, Math.max(this.#nearMs - positionMs, this.#lagMs * LAG_KEPT));
    this.#playedMs = Math.min(this.#sentMs, Math.max(0, positionMs));
    this.#at = now;
    this.#reportedAt = now;
  }

  setRunning(next: boolean, now: number): void {
    this.#settle(now);
    if (next && !this.#isRunning && this.#reportedAt !== null) this.#reportedAt = now;
    this.#isRunning = next;
  }

  reset(now: number): void {
    this.#sentMs = 0;
    this.#playedMs = 0;
    this.#nearMs = 0;
    this.#at = now;
    this.#reportedAt = null;
    this.#isRunning = true;
  }
}

export function createPace(): Pace {
  return new PlayoutPace();
}
