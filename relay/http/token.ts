/** `POST /api/token`: a publishable key, from a page that its tenant allows, for a session token. */
import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { describeRoute, resolver } from 'hono-openapi';
import * as v from 'valibot';
import type { Keyring } from '../auth/keyring.ts';
import type { Revocations } from '../auth/revocation.ts';
import { signSessionToken, TOKEN_LIFE_S, verifySessionToken } from '../auth/session-token.ts';
import type { Clock } from '../clock.ts';
import { RelayError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Directory } from '../tenants/directory.ts';
import { checkedBody, smallBody } from './checked-body.ts';
import { problems } from './problem.ts';
import type { RelayEnv } from './request-env.ts';

export interface TokenDeps {
  directory: Directory;
  keyring: Keyring;
  revocations: Pick<Revocations, 'holds'>;
  clock: Clock;
}

const TokenRequest = v.strictObject({
  /** Publishable key. */
  tenant: v.pipe(v.string(), v.regex(/^pk_[A-Za-z0-9_-]{1,64}$/, 'must be a publishable key, pk_…')),
  assistant: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(128))),
  /** A token of this page that still holds; the new one names the same subject, so that it may renew a session. */
  previous: v.optional(v.pipe(v.string(), v.maxLength(4_096))),
});
const TokenAnswer = v.object({
  token: v.string(),
  /** Seconds. */
  expiresIn: v.number(),
});
/** How long a browser may remember that it may ask, in seconds. */
const PREFLIGHT_S = '600';

/**
 * CORS by the tenants' allowlists. A preflight names no tenant yet: it is granted to pages that
 * some tenant allows; the request itself is then held to its own tenant.
 */
export function tokenCors({ directory }: Pick<TokenDeps, 'directory'>) {
  return createMiddleware<RelayEnv>(async (c, next) => {
    const origin = c.req.header('origin');
    c.header('Vary', 'Origin', { append: true });
    const isKnown = origin !== undefined && (await directory.knowsOrigin(origin));
    if (isKnown) {
      c.header('Access-Control-Allow-Origin', origin);
      c.header('Access-Control-Expose-Headers', 'Retry-After');
    }
    if (c.req.method !== 'OPTIONS') return next();
    if (!isKnown) throw new RelayError('origin-refused', 'preflight from a page that no tenant allows');
    c.header('Access-Control-Allow-Methods', 'POST');
    c.header('Access-Control-Allow-Headers', 'content-type');
    c.header('Access-Control-Max-Age', PREFLIGHT_S);
    return c.body(null, 204);
  });
}

export function tokenRoutes({ directory, keyring, revocations, clock }: TokenDeps) {
  const describe = describeRoute({
    summary: 'A session token for a page',
    description:
      'Asked by the widget from an allowed origin, with a publishable key. The token is for that page alone.',
    responses: {
      201: {
        description: 'Ten minutes of admission',
        content: { 'application/json': { schema: resolver(TokenAnswer) } },
      },
      ...problems('bad-request', 'origin-refused', 'key-unknown', 'token-revoked', 'too-large', 'rate-limited'),
    },
  });
  return new Hono<RelayEnv>().post('/token', describe, smallBody(8_192), checkedBody(TokenRequest), async (c) => {
    const { tenant: key, assistant, previous } = c.req.valid('json');
    const origin = c.req.header('origin');
    if (origin === undefined) throw new RelayError('origin-refused', 'no origin');
    const tenant = await directory.byPublishableKey(key);
    if (tenant === undefined) throw new RelayError('key-unknown', 'no such publishable key');
    if (tenant.status !== 'active') throw new RelayError('token-revoked', 'the tenant is suspended');
    if (!(await directory.allowsOrigin(tenant.id, origin)))
      throw new RelayError('origin-refused', 'the tenant does not allow this page');
    if (assistant !== undefined && (await directory.assistant(tenant.id, assistant)) === undefined)
      throw new RelayError('bad-request', 'no such assistant', {
        problems: [{ at: 'assistant', message: 'names no assistant of this tenant' }],
      });
    const now = clock.wallNow();
    const subject = (await subjectOf(previous, tenant.id, origin)) ?? newId('sub', now);
    const grant = {
      tenant: tenant.id,
      origin,
      subject,
      publishableKey: key,
      ...(assistant !== undefined && { assistant }),
    };
    const token = await signSessionToken(grant, await keyring.current(), now);
    c.header('Cache-Control', 'no-store');
    return c.json({ token, expiresIn: TOKEN_LIFE_S } satisfies v.InferOutput<typeof TokenAnswer>, 201);
  });

  /** Whom an earlier token of the relay's named, if it was given to this very page. */
  async function subjectOf(previous: string | undefined, tenant: string, origin: string): Promise<string | undefined> {
    if (previous === undefined) return undefined;
    try {
      const grant = await verifySessionToken(previous, keyring.findKey, clock.wallNow());
      if (grant.tenant !== tenant || grant.origin !== origin) return undefined;
      return (await revocations.holds(grant)) ? grant.subject : undefined;
    } catch (error) {
      // A token that no longer holds costs its holder the subject, not the new token.
      if (error instanceof RelayError) return undefined;
      throw error;
    }
  }
}
