/**
 * Who is let in: token → tenant → origin → quota, decided once at the door and handed to the
 * session as an {@link Admission}. It decides; the socket and its close code are the caller's.
 */
import type { Clock } from '../clock.ts';
import { RelayError } from '../errors.ts';
import type { Directory } from '../tenants/directory.ts';
import type { Admission, Limits } from '../tenants/tenant.ts';
import { verifySessionToken, type FindKey } from './session-token.ts';

/** When a place may be free again, in seconds: a guess, as sessions end when people like. */
const BUSY_RETRY_S = 5;
const MINUTE_MS = 60_000;

/** Counting across sessions: shared state, as far as it is needed here. */
export interface Quotas {
  take(bucket: string, key: string, max: number, windowMs: number): Promise<{ isAllowed: boolean; resetMs: number }>;
  lease(key: string, max: number): Promise<(() => void) | undefined>;
}

export interface AdmitRequest {
  /** Compact JWS, not yet verified. */
  token: string;
  /** The request's Origin header. */
  origin: string | undefined;
  address: string;
  /** Aborts when the caller has gone. */
  signal: AbortSignal;
  /** A newer token for a session that is in already: it takes no second place and is no new connection. */
  isRenewal?: boolean;
}

export type Admit = (request: AdmitRequest) => Promise<Admission>;

/**
 * @returns a function that throws {@link RelayError}: `token-missing`, `token-invalid`,
 *   `token-expired`, `token-revoked` (suspended tenant), `origin-refused`, `rate-limited`, `busy`.
 */
export function createAdmission(deps: {
  findKey: FindKey;
  directory: Pick<Directory, 'byId' | 'allowsOrigin' | 'assistant' | 'limits'>;
  quotas: Quotas;
  clock: Clock;
}): Admit {
  const { findKey, directory, quotas, clock } = deps;
  return async ({ token, origin, signal, isRenewal = false }) => {
    const grant = await verifySessionToken(token, findKey, clock.wallNow());
    const tenant = await directory.byId(grant.tenant);
    if (tenant?.status !== 'active') throw new RelayError('token-revoked', 'the tenant is unknown or suspended');
    await checkOrigin(tenant.id, origin, grant);
    const assistant = await directory.assistant(tenant.id, grant.assistant);
    if (assistant === undefined) throw new RelayError('token-invalid', 'names an assistant that the tenant has not');

    const limits = { ...(await directory.limits(tenant.id)) };
    // A token may only narrow what its tenant has.
    limits.longestSessionMs = Math.min(limits.longestSessionMs, grant.limits.longestSessionMs ?? Infinity);
    const release = isRenewal ? () => undefined : await takePlace(tenant.id, limits, signal);
    return {
      ...{ tenant, assistant, limits, release },
      subject: grant.subject,
      origin,
      token: grant.id,
      tokenExpiresAt: grant.expiresAtMs,
    };
  };

  async function takePlace(tenantId: string, limits: Limits, signal: AbortSignal): Promise<() => void> {
    const connects = await quotas.take('connects', tenantId, limits.connectsPerMinute, MINUTE_MS);
    if (!connects.isAllowed)
      throw new RelayError('rate-limited', 'too many connections a minute', { retryAfterS: connects.resetMs / 1000 });
    // Nothing is taken for a caller who has gone meanwhile; nothing is awaited after it was.
    signal.throwIfAborted();
    const release = await quotas.lease(`sessions:${tenantId}`, limits.concurrentSessions);
    if (release === undefined)
      throw new RelayError('busy', "all of the tenant's places are taken", { retryAfterS: BUSY_RETRY_S });
    return release;
  }

  async function checkOrigin(
    tenantId: string,
    origin: string | undefined,
    grant: { origin: string | undefined; isServer: boolean },
  ): Promise<void> {
    if (origin === undefined) {
      if (grant.isServer) return;
      throw new RelayError('origin-refused', 'no origin, and the token is not of server scope');
    }
    if (grant.origin !== undefined && grant.origin !== origin)
      throw new RelayError('origin-refused', 'the token is for another page');
    if (!(await directory.allowsOrigin(tenantId, origin)))
      throw new RelayError('origin-refused', 'the tenant does not allow this page');
  }
}
