/** What every adapter of the store does: tenants, keys, and transactions over all of them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from './store.ts';
import { acme, globex, onBoth, openFresh, type Opened } from './testing/two-databases.ts';

const T = acme.id;
const U = globex.id;
const NOON = Date.parse('2026-11-23T12:00:00Z');

onBoth('the store', (kind) => {
  let opened: Opened;
  let store: Store;
  beforeEach(async () => {
    opened = await openFresh(kind, NOON);
    store = opened.store;
    await store.tenants.create(acme);
    await store.tenants.create({ ...globex, limits: { concurrentSessions: 7 } });
  });
  afterEach(() => opened.close());

  const session = {
    ...{ id: 'ses_1', tenantId: T, subject: 'user-1', assistantId: 'ast_1', assistantVersion: 1 },
    ...{ origin: null, instance: 'ins_1', locale: null, startedAt: NOON },
  };

  describe('tenants', () => {
    it('are found, listed page by page with the newest first, searched, renamed and removed with all they had', async () => {
      expect(await store.tenants.byPublishableKey('pk_acme')).toMatchObject({ id: T, slug: 'acme', status: 'active' });
      const first = await store.tenants.list({ limit: 1 });
      expect(first.rows.map(({ slug }) => slug)).toEqual(['globex']);
      const second = await store.tenants.list({ limit: 1, after: first.next! });
      expect(second.rows.map(({ slug }) => slug)).toEqual(['acme']);
      expect(second.next).toBeUndefined();
      expect((await store.tenants.list({ limit: 9, search: 'CM' })).rows).toHaveLength(1);
      expect((await store.tenants.list({ limit: 9, search: '%' })).rows).toEqual([]);
      expect(await store.tenants.rename(T, 'Acme Ltd')).toBe(true);
      expect(await store.tenants.rename('ten_9', 'x')).toBe(false);
      await store.sessions.start(session);
      expect(await store.tenants.remove(T)).toBe(true);
      expect(await store.tenants.remove(T)).toBe(false);
      expect(await store.sessions.byId(T, 'ses_1')).toBeUndefined();
      expect(await store.tenants.byPublishableKey('pk_acme')).toBeUndefined();
    });

    it('refuse the same slug or key twice and leave nothing of the second behind', async () => {
      for (const twin of [
        { ...acme, id: 'ten_3', publishableKey: 'pk_3' },
        { ...acme, id: 'ten_3', slug: 'three' },
      ])
        await expect(store.tenants.create(twin)).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.tenants.byId('ten_3')).toBeUndefined();
    });

    it('have pages that are replaced all at once', async () => {
      await store.origins.replace(T, ['https://b.example', 'https://a.example', 'https://a.example']);
      expect(await store.origins.list(T)).toEqual(['https://a.example', 'https://b.example']);
      expect(await store.tenants.anyHasOrigin(['https://b.example'])).toBe(true);
      await store.origins.replace(T, []);
      expect(await store.origins.list(T)).toEqual([]);
      await expect(store.origins.replace('ten_9', ['https://c.example'])).rejects.toMatchObject({ code: 'not-found' });
    });

    it('have limits of which null is none and absence the default', async () => {
      expect(await store.limits.of(U)).toEqual({ concurrentSessions: 7 });
      await store.limits.put(T, { minutesPerDay: null, spendPerMonth: 9_000_000_000_000 });
      expect(await store.limits.of(T)).toEqual({ minutesPerDay: null, spendPerMonth: 9_000_000_000_000 });
      await store.limits.put(T, {});
      expect(await store.limits.of(T)).toEqual({});
    });

    it('have limits and pages that several may replace at once: the last holds, whole', async () => {
      const limits = [1, 2, 3, 4, 5, 6].map((n) => ({ concurrentSessions: n, requestsPerMinute: n }));
      await Promise.all(limits.map((one) => store.limits.put(T, one)));
      expect(limits).toContainEqual(await store.limits.of(T));
      const pages = limits.map((_, n) => [`https://a${n}.example`, 'https://shared.example']);
      await Promise.all(pages.map((one) => store.origins.replace(T, one)));
      expect(pages).toContainEqual(await store.origins.list(T));
    });

    it('have assistants of which every version stays', async () => {
      await store.assistants.add(T, { id: 'ast_1', version: 2, document: '{"v":2}' });
      await store.assistants.add(T, { id: 'ast_2', version: 1, document: '{}' });
      expect(await store.assistants.newest(T)).toMatchObject({ id: 'ast_1', version: 2 });
      expect((await store.assistantRecords.list(T)).map(({ id, version }) => [id, version])).toEqual([
        ['ast_1', 2],
        ['ast_2', 1],
      ]);
      expect((await store.assistantRecords.versions(T, 'ast_1')).map(({ version }) => version)).toEqual([2, 1]);
      expect(await store.assistantRecords.at(T, 'ast_1', 1)).toEqual({ document: '{"name":"Ada"}' });
      await expect(store.assistants.add(T, { id: 'ast_2', version: 1, document: '' })).rejects.toMatchObject({
        code: 'conflict',
      });
    });
  });

  describe('keys', () => {
    it('that are publishable are added, listed and revoked by their own tenant only', async () => {
      await store.publishableKeys.add(T, 'pk_2');
      await expect(store.publishableKeys.add(U, 'pk_2')).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.publishableKeys.revoke(U, 'pk_2')).toBe(false);
      expect(await store.publishableKeys.revoke(T, 'pk_2')).toBe(true);
      expect((await store.publishableKeys.list(T)).map(({ id, status }) => [id, status])).toEqual([
        ['pk_2', 'revoked'],
        ['pk_acme', 'active'],
      ]);
      expect(await store.tenants.byPublishableKey('pk_2')).toBeUndefined();
    });

    it('for the API are known by their hash until they expire or are revoked', async () => {
      const key = { id: 'api_1', tenantId: T, name: 'CI', prefix: 'vjj_ab', role: 'viewer' as const, expiresAt: null };
      expect(await store.apiKeys.add({ ...key, sha256: 'h1' })).toMatchObject({ ...key, lastUsedAt: null });
      await store.apiKeys.add({ ...key, id: 'api_2', sha256: 'h2', expiresAt: NOON - 1 });
      await store.apiKeys.used(T, 'api_1', 77);
      expect(await store.apiKeys.bySha256('h1')).toMatchObject({ id: 'api_1', role: 'viewer', lastUsedAt: 77 });
      expect(await store.apiKeys.bySha256('h2')).toBeUndefined();
      expect(await store.apiKeys.bySha256('h3')).toBeUndefined();
      expect(await store.apiKeys.revoke(T, 'api_1')).toBe(true);
      expect(await store.apiKeys.revoke(T, 'api_1')).toBe(false);
      expect(await store.apiKeys.bySha256('h1')).toBeUndefined();
      expect(await store.apiKeys.list(T)).toHaveLength(2);
    });

    it('of backends are found by kid within the tenant, retired and revoked', async () => {
      const key = { kid: 'k1', tenantId: T, name: 'main', alg: 'HS256' as const, kind: 'secret' as const };
      await store.tenantKeys.add({ ...key, material: 'c2VjcmV0', notBefore: 5, notAfter: null });
      await store.tenantKeys.add({ ...key, tenantId: U, material: 'b3RoZXI', notBefore: 5, notAfter: null });
      const jwk = { kid: 'k2', alg: 'ES256' as const, kind: 'jwk' as const, material: '{"kty":"EC"}' };
      await store.tenantKeys.add({ ...key, ...jwk, notBefore: 5, notAfter: null });
      expect(await store.tenantKeys.byKid(T, 'k1')).toMatchObject({ material: 'c2VjcmV0', revokedAt: null });
      expect((await store.tenantKeys.list(T)).map(({ kid }) => kid)).toEqual(['k2', 'k1']);
      expect((await store.tenantKeys.byKid(T, 'k2'))?.material).toBe('{"kty":"EC"}');
      await expect(store.tenantKeys.add({ ...key, material: '', notBefore: 0, notAfter: null })).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await store.tenantKeys.retire(T, 'k1', 99)).toBe(true);
      expect(await store.tenantKeys.byKid(T, 'k1')).toMatchObject({ notAfter: 99 });
      expect(await store.tenantKeys.revoke(T, 'k1')).toBe(true);
      expect(await store.tenantKeys.revoke(T, 'k9')).toBe(false);
      expect((await store.tenantKeys.byKid(T, 'k1'))?.revokedAt).toBeGreaterThan(0);
      expect((await store.tenantKeys.byKid(U, 'k1'))?.revokedAt).toBeNull();
    });

    it('at the provider are described without the key, replaced and removed', async () => {
      expect(await store.providerKeys.describe(T)).toBeUndefined();
      expect(await store.providerKeys.open(T)).toBeUndefined();
      await store.providerKeys.put(T, 'sk-first-1111');
      await store.providerKeys.put(T, 'sk-second-2222');
      const described = await store.providerKeys.describe(T);
      expect(described).toMatchObject({ provider: 'openai', hint: '2222' });
      expect(JSON.stringify(described)).not.toContain('second');
      expect(await store.providerKeys.open(T)).toMatchObject({ key: 'sk-second-2222' });
      expect(await store.providerKeys.remove(T)).toBe(true);
      expect(await store.providerKeys.remove(T)).toBe(false);
    });

    it('of the relay are listed newest first, retired and removed', async () => {
      const key = { kid: 'r1', tenantId: null, alg: 'EdDSA', jwk: '{"d":"x"}', notBefore: 5, notAfter: null };
      await store.signingKeys.add(key);
      await store.signingKeys.add({ ...key, kid: 'r2', notBefore: 9 });
      await store.signingKeys.retire('r1', 77);
      expect(await store.signingKeys.list(null)).toEqual([
        { ...key, kid: 'r2', notBefore: 9 },
        { ...key, notAfter: 77 },
      ]);
      await store.signingKeys.remove('r1');
      expect(await store.signingKeys.list(null)).toHaveLength(1);
    });

    it('and whom they named are revoked; again reaches further, never less far; what no token meets is forgotten', async () => {
      const row = { tenantId: T, kind: 'subject' as const, value: 'user-1', issuedBefore: 500, expiresAt: 1_000 };
      await store.revocations.add(row);
      await store.revocations.add({ ...row, issuedBefore: 400, expiresAt: 2_000 });
      await store.revocations.add({ ...row, kind: 'token', value: 'tok_1', expiresAt: 900 });
      expect(await store.revocations.inForce(T, 950)).toMatchObject([{ issuedBefore: 500, expiresAt: 2_000 }]);
      expect(await store.revocations.inForce(U, 950)).toEqual([]);
      const first = await store.revocations.list(T, { limit: 1 });
      const second = await store.revocations.list(T, { limit: 1, after: first.next! });
      expect([...first.rows, ...second.rows].map(({ kind }) => kind)).toEqual(['token', 'subject']);
      expect(await store.revocations.forget(950)).toBe(1);
    });
  });

  describe('a transaction', () => {
    it('holds all that is asked within it, by whomever, or nothing of it', async () => {
      const add = () => store.publishableKeys.add(T, 'pk_new');
      const failed = store.within(async () => {
        await add();
        await store.tenants.create({ ...acme, id: 'ten_4', slug: 'four', publishableKey: 'pk_4' });
        await store.audit.add({ tenantId: T, actor: 'operator', action: 'a', target: 'b', payload: null });
        throw new Error('no');
      });
      await expect(failed).rejects.toThrow('no');
      expect(await store.publishableKeys.list(T)).toHaveLength(1);
      expect(await store.tenants.byId('ten_4')).toBeUndefined();
      expect(await store.audit.verify(T)).toEqual({ entries: 0 });
      const seen = await store.within(async (same) => {
        await add();
        await same.audit.add({ tenantId: T, actor: 'operator', action: 'a', target: 'b', payload: null });
        return (await same.publishableKeys.list(T)).length;
      });
      expect(seen).toBe(2);
      expect(await store.audit.verify(T)).toEqual({ entries: 1 });
    });

    it('cannot be saved by whoever catches an error in the middle', async () => {
      const work = store.within(async () => {
        await store.publishableKeys.add(T, 'pk_new');
        await store.tenants.create(acme).catch(() => undefined);
      });
      await expect(work).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.publishableKeys.list(T)).toHaveLength(1);
    });

    it('is over for what it started and did not wait for', async () => {
      let later: (() => void) | undefined;
      const waited = new Promise<void>((resolve) => (later = resolve));
      let left: Promise<void> | undefined;
      await store.within(async () => {
        await store.publishableKeys.add(T, 'pk_in');
        left = waited.then(() => store.publishableKeys.add(T, 'pk_after'));
      });
      later?.();
      await left;
      expect(await store.publishableKeys.list(T)).toHaveLength(3);
    });

    it('is still one when another that began meanwhile has ended, and whatever did so before', async () => {
      await store.within(() => store.publishableKeys.add(T, 'pk_before'));
      let begun: (() => void) | undefined;
      const hasBegun = new Promise<void>((resolve) => (begun = resolve));
      const other = store.within(async () => {
        await store.publishableKeys.add(U, 'pk_other');
        // The embedded database has them one after the other.
        if (kind === 'postgres') await hasBegun;
      });
      const failed = store.within(async () => {
        begun?.();
        await store.publishableKeys.list(T);
        await other;
        await store.within(() => store.publishableKeys.add(T, 'pk_new'));
        throw new Error('no');
      });
      await expect(failed).rejects.toThrow('no');
      expect(await store.publishableKeys.list(T)).toHaveLength(2);
      expect(await store.publishableKeys.list(U)).toHaveLength(2);
    });

    it('tells when it has ended', async () => {
      const told: string[] = [];
      store.afterwards(() => told.push('at once'));
      await store.within(async () => {
        store.afterwards(() => told.push('afterwards'));
        told.push('within');
      });
      expect(told).toEqual(['at once', 'within', 'afterwards']);
    });
  });
});
