/**
 * So many requests an address and window, told in the headers of RFC draft "RateLimit fields" 6.
 * Counts in shared state; knows no routes.
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

export function rateLimit(deps: {
  shared: Pick<SharedState, 'take'>;
  maxRequests: number;
  windowMs: number;
  /** The environment is undefined where no server is below. */
  addressOf: (env: RelayEnv['Bindings'] | undefined) => string;
}) {
  const { shared, maxRequests, windowMs, addressOf } = deps;
  return createMiddleware<RelayEnv>(async (c, next) => {
    const address = addressKey(addressOf(c.env));
    addRateHeaders(c, maxRequests, windowMs, await shared.take('http', address, maxRequests, windowMs));
    await next();
  });
}
