/** The port for what may happen once only, on whichever instance: a token that opens one session. */
import type { Clock } from '../clock.ts';

export interface Once {
  /**
   * Uses `key` up until `untilMs` (milliseconds since 1970).
   *
   * @returns whether this was its first use.
   */
  first(key: string, untilMs: number): Promise<boolean>;
}

/** Expired keys are looked for after this many new ones. */
const SWEEP_EVERY = 1_000;

/** Within one process; forgets a key when its time has passed. */
export function memoryOnce(clock: Pick<Clock, 'wallNow'>): Once & { readonly size: number } {
  const used = new Map<string, number>();
  let untilSweep = SWEEP_EVERY;
  return {
    first(key, untilMs) {
      const now = clock.wallNow();
      if ((used.get(key) ?? 0) > now) return Promise.resolve(false);
      used.set(key, untilMs);
      untilSweep -= 1;
      if (untilSweep === 0) {
        untilSweep = SWEEP_EVERY;
        for (const [other, until] of used) if (until <= now) used.delete(other);
      }
      return Promise.resolve(true);
    },
    get size() {
      return used.size;
    },
  };
}
