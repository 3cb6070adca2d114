/**
 * Who is let in: token → tenant → origin → quota, decided once at the door and handed to the
 * session as an {@link Admission}. It decides; the socket and its close code are the caller's.
 */
import type { Clock } from '../clock.ts';
import { RelayError } from '../errors.ts';
import type { Directory } from '../tenants/directory.ts';
import type { Admission, Limits } from '../tenants/tenant.ts';
import type { Revocations } from './revocation.ts';
import { LEEWAY_S, verifySessionToken, type FindKey, type SessionGrant } from './session-token.ts';

/** When a place may be free again, in seconds: a guess, as sessions end when people like. */
const BUSY_RETRY_S = 5;
const MINUTE_MS = 60_000;

/** Counting across sessions: shared state, as far as it is needed here. */
export interface Quotas {
  take(bucket: string, key: string, max: number, windowMs: number): Promise<{ isAllowed: boolean; resetMs: number }>;
  lease(key: string, max: number): Promise<(() => void) | undefined>;
}

/** What may happen once only, on whichever instance. */
export interface UsedTokens {
  /** @returns whether this was the first use of `key` until `untilMs` (milliseconds since 1970). */
  first(key: string, untilMs: number): Promise<boolean>;
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
 *   `token-expired`, `token-revoked` (also for a suspended tenant), `origin-refused`,
 *   `rate-limited`, `busy`. A token that was used up is `token-invalid`.
 */
export function createAdmission(deps: {
  findKey: FindKey;
  directory: Pick<Directory, 'byId' | 'allowsOrigin' | 'assistant' | 'limits'>;
  quotas: Quotas;
  revocations: Pick<Revocations, 'holds'>;
  usedTokens: UsedTokens;
  /** Whether each token of the tenant opens one session only, whatever the token says; false by default. */
  isSingleUse?: (tenantId: string) => Promise<boolean>;
  clock: Clock;
}): Admit {
  const { findKey, directory, quotas, revocations, usedTokens, clock } = deps;
  const isSingleUse = deps.isSingleUse ?? (() => Promise.resolve(false));
  return async ({ token, origin, signal, isRenewal = false }) => {
    const grant = await verifySessionToken(token, findKey, clock.wallNow());
    if (!(await revocations.holds(grant))) throw new RelayError('token-revoked', 'the token was revoked');
    const tenant = await directory.byId(grant.tenant);
    if (tenant?.status !== 'active') throw new RelayError('token-revoked', 'the tenant is unknown or suspended');
    await checkOrigin(tenant.id, origin, grant);
    const assistant = await directory.assistant(tenant.id, grant.assistant);
    if (assistant === undefined) throw new RelayError('token-invalid', 'names an assistant that the tenant has not');

    const limits = { ...(await directory.limits(tenant.id)) };
    // A token may only narrow what its tenant has.
    limits.longestSessionMs = Math.min(limits.longestSessionMs, grant.limits.longestSessionMs ?? Infinity);
    const release = isRenewal ? () => undefined : await takePlace(tenant.id, limits, signal);
    try {
      // Last of all, so that a refusal for another reason does not use it up.
      if (grant.isOnce || (await isSingleUse(tenant.id))) await useUp(grant);
    } catch (error) {
      release();
      throw error;
    }
    return {
      subject: grant.subject,
      origin,
      token: grant.id,
      tokenExpiresAt: grant.expiresAtMs,
      ...{ tenant, assistant, limits, release, grant },
    };
  };

  async function useUp({ tenant, id, expiresAtMs }: SessionGrant): Promise<void> {
    const isFirst = await usedTokens.first(JSON.stringify([tenant, id]), expiresAtMs + LEEWAY_S * 1000);
    if (!isFirst) throw new RelayError('token-invalid', 'a token for one session was used before');
  }

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
