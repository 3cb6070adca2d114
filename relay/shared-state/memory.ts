/** Shared state of one process. Forgets a key when its window ends or its last lease is given back. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { SharedState, Taken } from './shared-state.ts';

export function memorySharedState(): SharedState {
  const limiters = new Map<string, RateLimiterMemory>();
  const leases = new Map<string, number>();

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
      const held = leases.get(key) ?? 0;
      if (held >= max) return Promise.resolve(undefined);
      leases.set(key, held + 1);
      let isHeld = true;
      return Promise.resolve(() => {
        if (!isHeld) return;
        isHeld = false;
        const left = (leases.get(key) ?? 1) - 1;
        if (left === 0) leases.delete(key);
        else leases.set(key, left);
      });
    },
    leased: (key) => Promise.resolve(leases.get(key) ?? 0),
  };
}

const taken = (result: RateLimiterRes, isAllowed: boolean): Taken => ({
  isAllowed,
  remaining: result.remainingPoints,
  resetMs: Math.max(0, result.msBeforeNext),
});
