/** Shared state of one process. Forgets a key when its window ends or its last lease is given back. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { systemClock, type Clock } from '../clock.ts';
import { createLeaseBook, LEASE_TTL_MS, type LeaseBook } from './lease-book.ts';
import type { SharedState, Taken } from './shared-state.ts';

/** Three chances to be heard before a place is taken for one of the dead. */
const RENEW_EVERY_MS = LEASE_TTL_MS / 3;

/** @param options.book - Shared by those who share places; a book of its own by default. */
export function memorySharedState(options: { clock?: Clock; book?: LeaseBook } = {}): SharedState {
  const { clock = systemClock, book = createLeaseBook() } = options;
  const limiters = new Map<string, RateLimiterMemory>();
  const held = new Map<symbol, string>();
  let cancelRenewal: (() => void) | null = null;

  function renewLater(): void {
    cancelRenewal ??= clock.wakeAt(clock.now() + RENEW_EVERY_MS, () => {
      cancelRenewal = null;
      for (const [place, key] of held) book.renew(key, place, clock.now());
      if (held.size > 0) renewLater();
    });
  }

  function limiter(bucket: string, max: number, windowMs: number): RateLimiterMemory {
    const name = `${bucket}:${max}:${windowMs}`;
    const known = limiters.get(name);
    if (known !== undefined) return known;
    const fresh = new RateLimiterMemory({ keyPrefix: bucket, points: max, duration: windowMs / 1000 });
    limiters.set(name, fresh);
    return fresh;
  }

  return {
    kind: 'memory',
    async take(bucket, key, max, windowMs) {
      try {
        return taken(await limiter(bucket, max, windowMs).consume(key), true);
      } catch (refused) {
        // The library rejects with its result when the limit is passed, and with an error otherwise.
        if (refused instanceof RateLimiterRes) return taken(refused, false);
        throw refused;
      }
    },
    lease(key, max) {
      const place = book.take(key, max, clock.now());
      if (place === undefined) return Promise.resolve(undefined);
      held.set(place, key);
      renewLater();
      return Promise.resolve(() => {
        if (!held.delete(place)) return;
        book.giveBack(key, place);
        if (held.size > 0) return;
        cancelRenewal?.();
        cancelRenewal = null;
      });
    },
    leased: (key) => Promise.resolve(book.taken(key, clock.now())),
  };
}

const taken = (result: RateLimiterRes, isAllowed: boolean): Taken => ({
  isAllowed,
  remaining: result.remainingPoints,
  resetMs: Math.max(0, result.msBeforeNext),
});
