/**
 * Stops reading from a page while the provider's network does not take what was read: what the page
 * says then waits with the page, in order, and not here. Neither sound nor anything else is dropped.
 * Knows when, and for how long at most; what is full is told to it.
 */
import type { Clock } from '../clock.ts';

/** How often to look whether there is room again, in milliseconds. */
const LOOK_MS = 50;
/** By then the provider's connection was given up, or takes sound again. */
const MOST_HELD_MS = 10_000;

export interface PageHold {
  /** After each sound of the page's. */
  look(): void;
  stop(): void;
}

export interface PageHoldOptions {
  clock: Clock;
  /** Whether the provider's side can take no more. */
  isFull: () => boolean;
  line: { pause(): void; goOn(): void };
  /** The page was held for so long: what it says at once afterwards is not its haste. */
  onHeld: (ms: number) => void;
}

export function createPageHold({ clock, isFull, line, onHeld }: PageHoldOptions): PageHold {
  let since: number | null = null;
  let cancel = () => undefined as void;

  function wait(): void {
    cancel = clock.wakeAt(clock.now() + LOOK_MS, () => {
      if (since === null) return;
      const heldMs = clock.now() - since;
      if (isFull() && heldMs < MOST_HELD_MS) {
        wait();
        return;
      }
      since = null;
      onHeld(heldMs);
      line.goOn();
    });
  }

  return {
    look() {
      if (since !== null || !isFull()) return;
      since = clock.now();
      line.pause();
      wait();
    },
    stop() {
      since = null;
      cancel();
    },
  };
}
