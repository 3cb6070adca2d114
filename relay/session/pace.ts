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

export function createPace(): Pace {
  let sentMs = 0;
  let playedMs = 0;
  /** Where an ear at this end of the wire would be. */
  let nearMs = 0;
  let lagMs = 0;
  let at = 0;
  let reportedAt: number | null = null;
  let isRunning = true;

  function settle(now: number): void {
    // A page that reports and then falls silent has stalled; one that never reports plays on.
    const until = reportedAt === null ? now : Math.min(now, reportedAt + REPORT_LIFE_MS);
    if (isRunning && until > at) {
      playedMs = Math.min(sentMs, playedMs + (until - at));
      nearMs = Math.min(sentMs, nearMs + (until - at));
    }
    at = Math.max(at, now);
  }
  return {
    aheadMs(now) {
      settle(now);
      return sentMs - playedMs;
    },
    get lagMs() {
      return lagMs;
    },
    get sentMs() {
      return sentMs;
    },
    sent(ms, now) {
      settle(now);
      // The first sound after a silence starts the ear's clock afresh.
      if (sentMs === playedMs && reportedAt !== null) reportedAt = now;
      sentMs += ms;
    },
    reported(positionMs, now) {
      settle(now);
      lagMs = Math.min(MOST_LAG_MS, Math.max(nearMs - positionMs, lagMs * LAG_KEPT));
      playedMs = Math.min(sentMs, Math.max(0, positionMs));
      at = now;
      reportedAt = now;
    },
    setRunning(next, now) {
      settle(now);
      if (next && !isRunning && reportedAt !== null) reportedAt = now;
      isRunning = next;
    },
    reset(now) {
      sentMs = 0;
      playedMs = 0;
      nearMs = 0;
      at = now;
      reportedAt = null;
      isRunning = true;
    },
  };
}
