/** A clock that stands still until a test moves it. Wakers run in order of their time. */
import type { Clock } from '../clock.ts';

export interface VirtualClock extends Clock {
  /** Moves time forward by `ms`, running what becomes due, each at its own time. */
  advance(ms: number): void;
  /** How many wakers wait: what a test checks for leaks. */
  readonly pending: number;
}

export function virtualClock(startMs = 0, wallStartMs = 1_790_000_000_000): VirtualClock {
  let nowMs = startMs;
  let order = 0;
  const wakers = new Map<number, { at: number; wake: () => void }>();
  return {
    now: () => nowMs,
    wallNow: () => wallStartMs + (nowMs - startMs),
    wakeAt(at, wake) {
      const key = order++;
      wakers.set(key, { at: Math.max(at, nowMs), wake });
      return () => void wakers.delete(key);
    },
    advance(ms) {
      const end = nowMs + ms;
      for (;;) {
        const due = [...wakers].filter(([, w]) => w.at <= end).sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
        if (due === undefined) break;
        wakers.delete(due[0]);
        nowMs = Math.max(nowMs, due[1].at);
        due[1].wake();
      }
      nowMs = end;
    },
    get pending() {
      return wakers.size;
    },
  };
}
