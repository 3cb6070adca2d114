/**
 * Many senders at the same pace and not at the same moment: each has its place in the 20 ms. One timer for all; what is late is made up for.
 */

export const FRAME_MS = 20;

export interface Ticker {
  /** @returns what ends it. */
  add(tick: () => void): () => void;
  /** How late ticks were since the last call, in milliseconds: what the figures of this process cannot be better than. */
  takeLateness(): number[];
  stop(): void;
}

interface Sender {
  tick: () => void;
  dueAt: number;
}

/** Places in 20 ms. */
const PLACES = 20;
/** Who is later than this lets go of what was missed: the machine cannot keep up, and says so by its lateness. */
const MOST_BEHIND_MS = 500;
const SAMPLE_EVERY = 16;

export function createTicker(): Ticker {
  const senders = new Set<Sender>();
  let place = 0;
  let lateness: number[] = [];
  let count = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    for (const sender of senders) {
      while (sender.dueAt <= now) {
        if ((count += 1) % SAMPLE_EVERY === 0) lateness.push(now - sender.dueAt);
        sender.dueAt = now - sender.dueAt > MOST_BEHIND_MS ? now + FRAME_MS : sender.dueAt + FRAME_MS;
        sender.tick();
        if (!senders.has(sender)) break;
      }
    }
  }, 1);
  return {
    add(tick) {
      place = (place + 7) % PLACES;
      const now = performance.now();
      const sender = { tick, dueAt: now - (now % FRAME_MS) + FRAME_MS + (place * FRAME_MS) / PLACES };
      senders.add(sender);
      return () => void senders.delete(sender);
    },
    takeLateness() {
      const taken = lateness;
      lateness = [];
      return taken;
    },
    stop: () => clearInterval(timer),
  };
}
