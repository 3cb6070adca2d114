/**
 * Limits and leases among instances, in Redis. While it is away each instance keeps to its own
 * share, the limit by the number of instances that were last known, so that all together keep to
 * it about as well as before. Keys are hashed: addresses and end users are nobody's business there.
 */
import { createHash } from 'node:crypto';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '../clock.ts';
import { LEASE_TTL_MS } from './lease-book.ts';
import { PREFIX, RedisAway, SERVER_NOW, type RedisLink } from './redis-link.ts';
import type { SharedState, Taken } from './shared-state.ts';

/** Places that are renewed in one script. */
const RENEWED_AT_ONCE = 500;

const TAKE_PLACE = `${SERVER_NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`;
const RENEW_PLACES = `${SERVER_NOW}
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])`;
const PLACES_TAKEN = `${SERVER_NOW}
return redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')`;

/** Names nobody. */
export const hashed = (key: string): string => createHash('sha256').update(key).digest('base64url').slice(0, 22);

const leaseKey = (key: string) => `${PREFIX}:lease:${hashed(key)}`;

interface Limiters {
  shared: RateLimiterRedis | undefined;
  own: RateLimiterMemory;
}

/** @param options.leaseMs - Life of a place that nobody renews; tests have no half a minute. */
export function redisSharedState(
  link: RedisLink,
  options: { instance: string; clock: Clock; leaseMs?: number },
): SharedState & { close(): void } {
  const { instance, clock, leaseMs = LEASE_TTL_MS } = options;
  const limiters = new Map<string, Limiters>();
  /** Places that are held here, by key. */
  const held = new Map<string, Set<string>>();
  let places = 0;
  let cancelRenewal: (() => void) | null = null;

  /** What this instance may give out by itself: never nothing, or a small limit would be none at all. */
  const share = (max: number) => Math.max(1, Math.floor(max / link.instances));
  const heldHere = (key: string) => held.get(key)?.size ?? 0;

  async function renew(): Promise<void> {
    for (const [key, names] of held) {
      const all = [...names];
      for (let at = 0; at < all.length; at += RENEWED_AT_ONCE)
        await link.script(RENEW_PLACES, [leaseKey(key)], [leaseMs, ...all.slice(at, at + RENEWED_AT_ONCE)]);
    }
  }
  function renewLater(): void {
    cancelRenewal ??= clock.wakeAt(clock.now() + leaseMs / 3, () => {
      cancelRenewal = null;
      // What is not renewed now is renewed when the server is back.
      void renew().catch(() => undefined);
      if (held.size > 0) renewLater();
    });
  }
  const stop = link.onChange((isUp) => {
    if (isUp) void renew().catch(() => undefined);
  });

  function keep(key: string, place: string): () => void {
    const names = held.get(key) ?? new Set();
    held.set(key, names.add(place));
    renewLater();
    return () => {
      if (!names.delete(place)) return;
      if (names.size === 0) held.delete(key);
      if (held.size === 0) {
        cancelRenewal?.();
        cancelRenewal = null;
      }
      // What cannot be told runs out by itself.
      link.run((redis) => redis.zrem(leaseKey(key), place)).catch(() => undefined);
    };
  }

  function limiterOf(bucket: string, max: number, windowMs: number): Limiters {
    const name = `${bucket}:${max}:${windowMs}`;
    const known = limiters.get(name);
    if (known !== undefined) return known;
    const fresh = { shared: undefined, own: new RateLimiterMemory({ keyPrefix: bucket, ...rule(max, windowMs) }) };
    limiters.set(name, fresh);
    return fresh;
  }

  return {
    kind: 'redis',
    async take(bucket, key, max, windowMs) {
      const both = limiterOf(bucket, max, windowMs);
      try {
        return await link.run((redis) => {
          both.shared ??= new RateLimiterRedis({
            ...{ storeClient: redis, keyPrefix: `${PREFIX}:take:${bucket}`, ...rule(max, windowMs) },
          });
          return consumed(both.shared, hashed(key));
        });
      } catch (error) {
        if (!(error instanceof RedisAway)) throw error;
        both.own.points = share(max);
        return consumed(both.own, key);
      }
    },
    async lease(key, max) {
      places += 1;
      const place = `${instance}:${places}`;
      try {
        const isTaken = await link.script(TAKE_PLACE, [leaseKey(key)], [place, max, leaseMs]);
        return isTaken === 1 ? keep(key, place) : undefined;
      } catch (error) {
        if (!(error instanceof RedisAway)) throw error;
        return heldHere(key) < share(max) ? keep(key, place) : undefined;
      }
    },
    async leased(key) {
      try {
        return Number(await link.script(PLACES_TAKEN, [leaseKey(key)], []));
      } catch (error) {
        if (!(error instanceof RedisAway)) throw error;
        return heldHere(key);
      }
    },
    close() {
      stop();
      cancelRenewal?.();
      cancelRenewal = null;
    },
  };
}

/** In whole seconds, which is all that the limiter knows in Redis: a shorter window would never end. */
const rule = (max: number, windowMs: number) => ({ points: max, duration: Math.max(1, Math.round(windowMs / 1000)) });

async function consumed(limiter: RateLimiterRedis | RateLimiterMemory, key: string): Promise<Taken> {
  try {
    return taken(await limiter.consume(key), true);
  } catch (refused) {
    // The library rejects with its result when the limit is passed, and with an error otherwise.
    if (refused instanceof RateLimiterRes) return taken(refused, false);
    throw refused;
  }
}

const taken = (result: RateLimiterRes, isAllowed: boolean): Taken => ({
  isAllowed,
  remaining: result.remainingPoints,
  resetMs: Math.max(0, result.msBeforeNext),
});
