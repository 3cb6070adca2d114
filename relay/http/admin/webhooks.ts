/** Webhooks of a tenant: what is told where, and how that went. Sending is done elsewhere. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { RelayError } from '../../errors.ts';
import { newId } from '../../ids.ts';
import type { WebhookRow } from '../../store/records.ts';
import type { Store } from '../../store/store.ts';
import type { AnswerOf } from '../api/routes.ts';
import type { Handlers } from './ask.ts';
import { given } from './given.ts';

export interface WebhookDeps {
  store: Pick<Store, 'webhooks' | 'afterwards'>;
  clock: Clock;
  /** Names that may be chosen. */
  events: readonly string[];
  /** Whether the relay would send anything to that address at all. */
  acceptsUrl: (url: string) => boolean;
  outbox: Outbox;
}

/** What sends, as far as it is needed here; in the caller's transaction. */
export interface Outbox {
  test(tenantId: string, webhookId: string): Promise<string | undefined>;
  replay(tenantId: string, deliveryId: string): Promise<boolean>;
  /** @returns the new secret. */
  rotate(tenantId: string, webhookId: string): Promise<string | undefined>;
  /** A tenant's endpoints were changed. */
  forget(tenantId: string): void;
  emit(
    tenantId: string,
    event: 'session.rated',
    data: { session: string; turn: string | null; score: number; comment: string | null; at: number },
  ): Promise<number>;
  emit(tenantId: string, event: 'key.created', data: { kid: string; alg: string }): Promise<number>;
  emit(tenantId: string, event: 'key.revoked', data: { kid: string }): Promise<number>;
  emit(tenantId: string, event: 'key.rotated', data: { kid: string; former: string; until: number }): Promise<number>;
}

type Names =
  | ('webhooks' | 'addWebhook' | 'changeWebhook' | 'removeWebhook' | 'rotateWebhook' | 'testWebhook')
  | ('deliveries' | 'replayDelivery');

/** Of Standard Webhooks: 24 bytes, base64, after the prefix. */
const newSecret = () => `whsec_${randomBytes(24).toString('base64')}`;
const missing = (what: string) => new RelayError('not-found', `no such ${what} of this tenant`);
/** Each is asked of at every event. */
const MOST_WEBHOOKS = 20;

export function webhookHandlers({ store, clock, events, acceptsUrl, outbox }: WebhookDeps): Handlers<Names> {
  const answer = ({ id, url, events, status, secrets, createdAt }: WebhookRow): AnswerOf<'changeWebhook'> => ({
    ...{ id, url, events, status, createdAt, secrets: secrets.length },
  });

  /** Once the change is there for everybody. */
  const forget = (tenantId: string) => store.afterwards(() => outbox.forget(tenantId));

  async function webhookOf(tenantId: string, id: string): Promise<WebhookRow> {
    const found = (await store.webhooks.list(tenantId)).find((row) => row.id === id);
    if (found === undefined) throw missing('webhook');
    return found;
  }

  /** @throws {RelayError} `bad-request` with everything that is wrong. */
  function check({ url, events: chosen = [] }: { url?: string | undefined; events?: string[] | undefined }): void {
    const problems = chosen.flatMap((event, index) =>
      events.includes(event) ? [] : [{ at: `events.${index}`, message: `must be one of ${events.join(', ')}` }],
    );
    if (url !== undefined && !acceptsUrl(url))
      problems.push({ at: 'url', message: 'must be a public https address, on port 443 and without a user name' });
    if (problems.length > 0) throw new RelayError('bad-request', 'the webhook is wrong', { problems });
  }

  return {
    webhooks: async ({ tenant }) => ({ rows: (await store.webhooks.list(tenant.id)).map(answer) }),
    addWebhook({ tenant, body, change }) {
      check(body);
      const row = {
        ...{ id: newId('whk', clock.wallNow()), tenantId: tenant.id, url: body.url, events: body.events ?? [] },
        ...{ status: 'active' as const, secrets: [newSecret()] },
      };
      const { url, events } = row;
      return change({ action: 'webhook.add', target: `webhook:${row.id}`, payload: { url, events } }, async () => {
        if ((await store.webhooks.list(tenant.id)).length >= MOST_WEBHOOKS)
          throw new RelayError('conflict', 'as many webhooks as there may be', {
            problems: [{ at: 'url', message: `a tenant has at most ${MOST_WEBHOOKS} webhooks` }],
          });
        await store.webhooks.add(row);
        forget(tenant.id);
        return { ...answer({ ...row, createdAt: clock.wallNow() }), secret: row.secrets[0] ?? '' };
      });
    },
    changeWebhook({ tenant, params, body, change }) {
      check(body);
      return change({ action: 'webhook.change', target: `webhook:${params.webhook}`, payload: body }, async () => {
        if (!(await store.webhooks.change(tenant.id, params.webhook, given(body)))) throw missing('webhook');
        forget(tenant.id);
        return answer(await webhookOf(tenant.id, params.webhook));
      });
    },
    removeWebhook: ({ tenant, params, change }) =>
      change({ action: 'webhook.remove', target: `webhook:${params.webhook}` }, async () => {
        if (!(await store.webhooks.remove(tenant.id, params.webhook))) throw missing('webhook');
        forget(tenant.id);
        return undefined;
      }),
    rotateWebhook: ({ tenant, params, change }) =>
      change({ action: 'webhook.rotate', target: `webhook:${params.webhook}` }, async () => {
        const secret = await outbox.rotate(tenant.id, params.webhook);
        if (secret === undefined) throw missing('webhook');
        return { ...answer(await webhookOf(tenant.id, params.webhook)), secret };
      }),
    testWebhook: ({ tenant, params, change }) =>
      change({ action: 'webhook.test', target: `webhook:${params.webhook}` }, async () => {
        const id = await outbox.test(tenant.id, params.webhook);
        if (id === undefined) throw missing('webhook');
        return { id };
      }),
    async deliveries({ tenant, params, page }) {
      const { id } = await webhookOf(tenant.id, params.webhook);
      return store.webhooks.deliveries(tenant.id, id, page);
    },
    replayDelivery({ tenant, params, change }) {
      const { webhook, delivery: id } = params;
      return change({ action: 'webhook.replay', target: `webhook:${webhook}`, payload: { delivery: id } }, async () => {
        await webhookOf(tenant.id, webhook);
        if (!(await outbox.replay(tenant.id, id))) throw missing('delivery');
        return { id };
      });
    },
  };
}
