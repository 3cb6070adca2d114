/** Keys of every kind. A secret is answered once, where it is made. */
import { newApiKeySecret } from '../../auth/console-callers.ts';
import { readTenantKey } from '../../auth/key-material.ts';
import type { Revocations } from '../../auth/revocation.ts';
import { TENANT_KEY_OVERLAP_MS } from '../../auth/tenant-keys.ts';
import type { Clock } from '../../clock.ts';
import { RelayError } from '../../errors.ts';
import { newId, newPublishableKey } from '../../ids.ts';
import type { TenantKeyRow } from '../../store/records.ts';
import type { Store } from '../../store/store.ts';
import type { Directory } from '../../tenants/directory.ts';
import type { AnswerOf } from '../api/routes.ts';
import type { Handlers } from './ask.ts';
import { given } from './given.ts';
import type { Outbox } from './webhooks.ts';

export interface KeyDeps {
  store: Pick<Store, 'publishableKeys' | 'apiKeys' | 'tenantKeys' | 'providerKeys' | 'afterwards'>;
  directory: Pick<Directory, 'forget'>;
  revocations: Pick<Revocations, 'revoke' | 'changed'>;
  clock: Clock;
  outbox: Pick<Outbox, 'emit'>;
  /** Whether the relay would ask that address for a key set at all. */
  acceptsUrl: (url: string) => boolean;
}

type Names =
  | ('publishableKeys' | 'addPublishableKey' | 'revokePublishableKey' | 'apiKeys' | 'addApiKey' | 'revokeApiKey')
  | ('signingKeys' | 'addSigningKey' | 'retireSigningKey' | 'revokeSigningKey')
  | ('providerKey' | 'putProviderKey' | 'removeProviderKey');

const missing = () => new RelayError('not-found', 'no such key of this tenant');

function stateOf({ notBefore, notAfter, revokedAt }: TenantKeyRow, now: number) {
  if (revokedAt !== null) return 'revoked';
  if (notAfter !== null) return now < notAfter ? 'retiring' : 'retired';
  return now < notBefore ? 'upcoming' : 'active';
}

export function keyHandlers({ store, directory, revocations, clock, acceptsUrl, outbox }: KeyDeps): Handlers<Names> {
  const signingAnswer = (row: TenantKeyRow): AnswerOf<'signingKeys'>['rows'][number] => {
    const { kid, name, alg, kind, notBefore, notAfter, revokedAt, createdAt, material } = row;
    return {
      ...{ kid, name, alg, kind, notBefore, notAfter, revokedAt, createdAt },
      ...{ state: stateOf(row, clock.wallNow()), ...(kind === 'jwks_url' && { url: material }) },
    };
  };
  async function signingKey(tenantId: string, kid: string): Promise<TenantKeyRow> {
    const row = await store.tenantKeys.byKid(tenantId, kid);
    if (row === undefined) throw missing();
    return row;
  }
  /** Whoever verifies tokens looks again, once the change is there. */
  const tell = (tenantId: string) => store.afterwards(() => void revocations.changed(tenantId));

  async function providerAnswer(tenantId: string): Promise<AnswerOf<'providerKey'>> {
    return { key: (await store.providerKeys.describe(tenantId)) ?? null };
  }

  return {
    publishableKeys: async ({ tenant }) => ({ rows: await store.publishableKeys.list(tenant.id) }),
    addPublishableKey: ({ tenant, change }) =>
      change(
        ({ id }) => ({ action: 'publishable-key.add', target: `key:${id}` }),
        async () => {
          const id = newPublishableKey();
          await store.publishableKeys.add(tenant.id, id);
          directory.forget();
          return { id, status: 'active', createdAt: clock.wallNow() };
        },
      ),
    revokePublishableKey: ({ tenant, params, change }) =>
      change({ action: 'publishable-key.revoke', target: `key:${params.key}` }, async () => {
        if (!(await store.publishableKeys.revoke(tenant.id, params.key))) throw missing();
        await revocations.revoke(tenant.id, { kind: 'key', value: params.key });
        directory.forget();
        return undefined;
      }),
    apiKeys: async ({ tenant }) => ({ rows: await store.apiKeys.list(tenant.id) }),
    addApiKey({ tenant, body, change }) {
      if (body.expiresAt !== undefined && body.expiresAt <= clock.wallNow())
        throw new RelayError('bad-request', 'expires in the past', {
          problems: [{ at: 'expiresAt', message: 'must be in the future' }],
        });
      const { name, role, expiresAt = null } = body;
      return change(
        ({ id }) => ({ action: 'api-key.add', target: `key:${id}`, payload: { name, role, expiresAt } }),
        async () => {
          const { secret, prefix, sha256 } = newApiKeySecret();
          const id = newId('api', clock.wallNow());
          const row = await store.apiKeys.add({ id, tenantId: tenant.id, name, prefix, role, expiresAt, sha256 });
          return { ...row, secret };
        },
      );
    },
    revokeApiKey: ({ tenant, params, change }) =>
      change({ action: 'api-key.revoke', target: `key:${params.key}` }, async () => {
        if (!(await store.apiKeys.revoke(tenant.id, params.key))) throw missing();
        return undefined;
      }),
    signingKeys: async ({ tenant }) => ({ rows: (await store.tenantKeys.list(tenant.id)).map(signingAnswer) }),
    async addSigningKey({ tenant, body, change }) {
      const { name, notBefore = clock.wallNow(), replaces = false, ...input } = body;
      const read = await readTenantKey(given(input), acceptsUrl);
      if (!read.ok) throw new RelayError('bad-request', 'the key is wrong', { problems: read.problems });
      const { kid, alg, kind } = read.key;
      return change(
        { action: 'signing-key.add', target: `key:${kid}`, payload: { name, alg, kind, notBefore, replaces } },
        async () => {
          if (replaces) await retireOthers(tenant.id, kid, Math.max(notBefore, clock.wallNow()));
          await store.tenantKeys.add({ ...read.key, tenantId: tenant.id, name, notBefore, notAfter: null });
          await outbox.emit(tenant.id, 'key.created', { kid, alg });
          tell(tenant.id);
          const answer = signingAnswer(await signingKey(tenant.id, kid));
          return { ...answer, ...(read.made !== undefined && { secret: read.made }) };
        },
      );
    },
    retireSigningKey({ tenant, params, body, change }) {
      const notAfter = body.notAfter ?? clock.wallNow() + TENANT_KEY_OVERLAP_MS;
      return change({ action: 'signing-key.retire', target: `key:${params.kid}`, payload: { notAfter } }, async () => {
        if (!(await store.tenantKeys.retire(tenant.id, params.kid, notAfter))) throw missing();
        tell(tenant.id);
        return signingAnswer(await signingKey(tenant.id, params.kid));
      });
    },
    revokeSigningKey: ({ tenant, params, change }) =>
      change({ action: 'signing-key.revoke', target: `key:${params.kid}` }, async () => {
        await signingKey(tenant.id, params.kid);
        await revocations.revoke(tenant.id, { kind: 'key', value: params.kid });
        await outbox.emit(tenant.id, 'key.revoked', { kid: params.kid });
        return undefined;
      }),
    providerKey: ({ tenant }) => providerAnswer(tenant.id),
    putProviderKey: ({ tenant, body, change }) =>
      change({ action: 'provider-key.put', target: 'provider-key:openai' }, async () => {
        await store.providerKeys.put(tenant.id, body.key);
        directory.forget();
        return providerAnswer(tenant.id);
      }),
    removeProviderKey: ({ tenant, change }) =>
      change({ action: 'provider-key.remove', target: 'provider-key:openai' }, async () => {
        if (!(await store.providerKeys.remove(tenant.id))) throw missing();
        directory.forget();
        return undefined;
      }),
  };

  async function retireOthers(tenantId: string, by: string, from: number): Promise<void> {
    const until = from + TENANT_KEY_OVERLAP_MS;
    for (const { kid, notAfter, revokedAt } of await store.tenantKeys.list(tenantId)) {
      if (revokedAt !== null || notAfter !== null) continue;
      await store.tenantKeys.retire(tenantId, kid, until);
      await outbox.emit(tenantId, 'key.rotated', { kid: by, former: kid, until });
    }
  }
}
