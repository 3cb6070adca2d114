/**
 * `POST /api/rating`: how a person found a conversation, or one turn of it. Not on the socket: people
 * are asked after the call, when there is none. A session token says whose page asks; the session's
 * id, which nobody can guess, says which conversation. Words pass the tenant's rules before they are kept.
 */
import { Hono } from 'hono';
import { describeRoute } from 'hono-openapi';
import * as v from 'valibot';
import type { Keyring } from '../auth/keyring.ts';
import type { Revocations } from '../auth/revocation.ts';
import { verifySessionToken } from '../auth/session-token.ts';
import type { Clock } from '../clock.ts';
import { RelayError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { Directory } from '../tenants/directory.ts';
import type { Assistant } from '../tenants/tenant.ts';
import type { Outbox } from './admin/webhooks.ts';
import { checkedBody, smallBody } from './checked-body.ts';
import { problems } from './problem.ts';
import type { RelayEnv } from './request-env.ts';

export interface RatingDeps {
  directory: Pick<Directory, 'byId' | 'allowsOrigin' | 'assistant'>;
  keyring: Pick<Keyring, 'findKey'>;
  revocations: Pick<Revocations, 'holds'>;
  clock: Clock;
  store: Pick<Store, 'sessions' | 'within'>;
  outbox: Pick<Outbox, 'emit'>;
  /** The text without what the assistant's rules call personal. */
  redact: (text: string, assistant: Assistant | undefined) => string;
}

/** How long after its end a conversation can be rated. */
const RATED_WITHIN_MS = 24 * 3_600_000;

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const RatingRequest = v.strictObject({
  /** A session token of this page; it is looked at and not used up. */
  token: v.pipe(v.string(), v.minLength(1), v.maxLength(4_096)),
  session: id,
  /** One turn; the conversation as a whole without it. */
  turn: v.optional(id),
  score: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(5)),
  comment: v.optional(v.pipe(v.string(), v.maxLength(2_000))),
});

export function ratingRoutes({ directory, keyring, revocations, clock, store, outbox, redact }: RatingDeps) {
  const describe = describeRoute({
    summary: 'A rating of a conversation',
    description:
      'Sent by the widget, while the conversation lives and for a day after. A newer one replaces the former.',
    responses: {
      204: { description: 'Kept' },
      ...problems('bad-request', 'token-invalid', 'origin-refused', 'not-found', 'too-large', 'rate-limited'),
    },
  });
  return new Hono<RelayEnv>().post('/rating', describe, smallBody(16_384), checkedBody(RatingRequest), async (c) => {
    const { token, session: sessionId, turn = null, score, comment = '' } = c.req.valid('json');
    const now = clock.wallNow();
    const grant = await verifySessionToken(token, keyring.findKey, now);
    if (!(await revocations.holds(grant))) throw new RelayError('token-revoked', 'the token was revoked');
    const tenant = await directory.byId(grant.tenant);
    if (tenant?.status !== 'active') throw new RelayError('token-revoked', 'the tenant is unknown or suspended');
    const origin = c.req.header('origin');
    const isAllowed =
      origin === undefined
        ? grant.isServer
        : (grant.origin ?? origin) === origin && (await directory.allowsOrigin(tenant.id, origin));
    if (!isAllowed) throw new RelayError('origin-refused', 'the token is for another page');

    const session = await store.sessions.byId(tenant.id, sessionId);
    const isOpen = session !== undefined && (session.endedAt ?? now) > now - RATED_WITHIN_MS;
    // A page rates what was said on it.
    if (!isOpen || (!grant.isServer && session.origin !== (origin ?? null)))
      throw new RelayError('not-found', 'no such conversation, or too long ago');

    const said = comment.trim();
    const keep = tenant.transcripts ?? 'redacted';
    const assistant = await directory.assistant(tenant.id, session.assistantId);
    const clean = redact(said, assistant);
    const told = said === '' || keep === 'off' ? null : clean;
    const kept = told === null || keep !== 'full' ? told : said;
    await store.within(async () => {
      if (!(await store.sessions.rate(tenant.id, sessionId, { score, turn, comment: kept })))
        throw new RelayError('not-found', 'no such turn in this conversation');
      await outbox.emit(tenant.id, 'session.rated', { session: sessionId, turn, score, comment: told, at: now });
    });
    return c.body(null, 204);
  });
}
