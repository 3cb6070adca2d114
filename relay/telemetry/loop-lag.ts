/** How late timers come: what everything else on the event loop waits for, too. */
import type { Clock } from '../clock.ts';

/** Rarely enough to cost nothing, often enough to meet a stall of a second. */
const EVERY_MS = 250;

/** @returns what ends it. */
export function watchLoop(clock: Clock, onLag: (ms: number) => void): () => void {
  let cancel: () => void;
  const next = () => {
    const due = clock.now() + EVERY_MS;
    cancel = clock.wakeAt(due, () => {
      onLag(Math.max(0, clock.now() - due));
      next();
    });
  };
  next();
  return () => cancel();
}
