/**
 * So many requests an address and window, told in the headers of RFC draft "RateLimit fields" 6.
 * Whoever is known has more room, as its tenant's own limit counts it besides. Counts in shared
 * state; knows no routes.
 */
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { RelayError } from '../errors.ts';
import type { SharedState, Taken } from '../shared-state/shared-state.ts';
import { addressKey } from './client-address.ts';
import type { RelayEnv } from './request-env.ts';

/**
 * Tells what is left of a limit, where an earlier one has not told of less.
 *
 * @throws {RelayError} `rate-limited`.
 */
export function addRateHeaders(c: Context<RelayEnv>, maxRequests: number, windowMs: number, taken: Taken): void {
  const { isAllowed, remaining, resetMs } = taken;
  const resetS = Math.ceil(resetMs / 1000);
  const told = c.res.headers.get('RateLimit-Remaining');
  if (!isAllowed || told === null || remaining < Number(told)) {
    c.header('RateLimit-Limit', String(maxRequests));
    c.header('RateLimit-Remaining', String(remaining));
    c.header('RateLimit-Reset', String(resetS));
    c.header('RateLimit-Policy', `${maxRequests};w=${Math.ceil(windowMs / 1000)}`);
  }
  if (!isAllowed) throw new RelayError('rate-limited', 'too many requests', { retryAfterS: resetS });
}

/** An office behind one address may have this many times the room of a stranger. */
export const KNOWN_ROOM = 10;

/** How callers are told from strangers. */
export interface Known {
  /** Whether the request says at all who sends it; asks nobody. */
  claims(c: Context<RelayEnv>): boolean;
  /** Whether that is true. */
  holds(c: Context<RelayEnv>): Promise<boolean>;
}

export function rateLimit(deps: {
  shared: Pick<SharedState, 'take'>;
  maxRequests: number;
  windowMs: number;
  /** The environment is undefined where no server is below. */
  addressOf: (env: RelayEnv['Bindings'] | undefined) => string;
  /** Without it everybody is a stranger. */
  known?: Known;
}) {
  const { shared, windowMs, addressOf, known } = deps;
  return createMiddleware<RelayEnv>(async (c, next) => {
    const address = addressKey(addressOf(c.env));
    const count = async (bucket: string, most: number) =>
      addRateHeaders(c, most, windowMs, await shared.take(bucket, address, most, windowMs));
    let isKnown = false;
    if (known?.claims(c)) {
      // Counted before it is looked up: guesses cost a look each.
      await count('http-known', deps.maxRequests * KNOWN_ROOM);
      isKnown = await known.holds(c);
    }
    if (!isKnown) await count('http', deps.maxRequests);
    await next();
  });
}
