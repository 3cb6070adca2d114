/** Keys of every kind, and what was revoked. Whatever is secret is kept sealed or as a hash. */
import type { Selectable } from 'kysely';
import { touched, written, type Database } from './database.ts';
import { olderThan, pageOf, rowsToAsk } from './paging.ts';
import type {
  ApiKeyRow,
  ApiKeys,
  ProviderKeys,
  RevocationRow,
  Revocations,
  TenantKeyRow,
  TenantKeys,
} from './records.ts';
import type { Tables } from './schema.ts';
import { openFor, sealFor } from './sealed-columns.ts';

export interface SigningKeyRow {
  kid: string;
  /** Null: the relay's own. */
  tenantId: string | null;
  alg: string;
  /** JSON Web Key with its private part; sealed at rest. */
  jwk: string;
  notBefore: number;
  notAfter: number | null;
}

export interface SigningKeys {
  /** Unsealed, newest first. Null lists the relay's own. */
  list(tenantId: string | null): Promise<SigningKeyRow[]>;
  add(key: SigningKeyRow): Promise<void>;
  retire(kid: string, notAfter: number): Promise<void>;
  remove(kid: string): Promise<void>;
}

export function createSigningKeys(database: Database): SigningKeys {
  const { db, now } = database;
  return {
    async list(tenantId) {
      const rows = await db()
        .selectFrom('signing_keys')
        .selectAll()
        .where('tenant_id', tenantId === null ? 'is' : '=', tenantId)
        .orderBy('not_before', 'desc')
        .orderBy('kid')
        .execute();
      const keys: SigningKeyRow[] = [];
      for (const { kid, tenant_id, alg, sealed_jwk, not_before, not_after } of rows) {
        const jwk = await openFor(database, 'signingKey', sealed_jwk, tenant_id, kid);
        keys.push({ kid, tenantId: tenant_id, alg, jwk, notBefore: not_before, notAfter: not_after });
      }
      return keys;
    },
    async add({ kid, tenantId, alg, jwk, notBefore, notAfter }) {
      const sealed_jwk = sealFor(database, 'signingKey', jwk, tenantId, kid);
      const values = { kid, tenant_id: tenantId, alg, sealed_jwk, not_before: notBefore, not_after: notAfter };
      await written(() =>
        db()
          .insertInto('signing_keys')
          .values({ ...values, created_at: now() })
          .execute(),
      );
    },
    async retire(kid, notAfter) {
      await db().updateTable('signing_keys').set({ not_after: notAfter }).where('kid', '=', kid).execute();
    },
    async remove(kid) {
      await db().deleteFrom('signing_keys').where('kid', '=', kid).execute();
    },
  };
}

const apiKey = (row: Omit<Selectable<Tables['api_keys']>, 'sha256'>): ApiKeyRow => ({
  ...{ id: row.id, tenantId: row.tenant_id, name: row.name, prefix: row.prefix },
  role: row.role as ApiKeyRow['role'],
  ...{ createdAt: row.created_at, expiresAt: row.expires_at, lastUsedAt: row.last_used_at, revokedAt: row.revoked_at },
});

export function createApiKeys({ db, now }: Database): ApiKeys {
  return {
    async list(tenantId) {
      const rows = await db()
        .selectFrom('api_keys')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy('created_at', 'desc')
        .orderBy('id')
        .execute();
      return rows.map(apiKey);
    },
    async add({ id, tenantId, name, prefix, role, expiresAt, sha256 }) {
      const at = { created_at: now(), expires_at: expiresAt, last_used_at: null, revoked_at: null };
      const row = { id, tenant_id: tenantId, name, prefix, role, sha256, ...at };
      await written(() => db().insertInto('api_keys').values(row).execute());
      return apiKey(row);
    },
    async bySha256(sha256) {
      const row = await db().selectFrom('api_keys').selectAll().where('sha256', '=', sha256).executeTakeFirst();
      if (row === undefined || row.revoked_at !== null) return undefined;
      return row.expires_at !== null && row.expires_at <= now() ? undefined : apiKey(row);
    },
    async used(tenantId, id, at) {
      await db()
        .updateTable('api_keys')
        .set({ last_used_at: at })
        .where('tenant_id', '=', tenantId)
        .where('id', '=', id)
        .execute();
    },
    async revoke(tenantId, id) {
      return touched(
        await db()
          .updateTable('api_keys')
          .set({ revoked_at: now() })
          .where('tenant_id', '=', tenantId)
          .where('id', '=', id)
          .where('revoked_at', 'is', null)
          .executeTakeFirst(),
      );
    },
  };
}

export function createTenantKeys(database: Database): TenantKeys {
  const { db, now } = database;
  const keys = (tenantId: string) => db().selectFrom('tenant_keys').selectAll().where('tenant_id', '=', tenantId);
  const read = async (row: Selectable<Tables['tenant_keys']>): Promise<TenantKeyRow> => ({
    ...{ kid: row.kid, tenantId: row.tenant_id, name: row.name },
    ...{ alg: row.alg as TenantKeyRow['alg'], kind: row.kind as TenantKeyRow['kind'] },
    material:
      row.kind === 'secret' ? await openFor(database, 'tenantKey', row.material, row.tenant_id, row.kid) : row.material,
    ...{ notBefore: row.not_before, notAfter: row.not_after, revokedAt: row.revoked_at, createdAt: row.created_at },
  });
  const change = async (tenantId: string, kid: string, to: { not_after?: number; revoked_at?: number }) =>
    touched(
      await db()
        .updateTable('tenant_keys')
        .set(to)
        .where('tenant_id', '=', tenantId)
        .where('kid', '=', kid)
        .where('revoked_at', 'is', null)
        .executeTakeFirst(),
    );
  return {
    async list(tenantId) {
      const rows = await keys(tenantId).orderBy('created_at', 'desc').orderBy('kid').execute();
      const read_: TenantKeyRow[] = [];
      for (const row of rows) read_.push(await read(row));
      return read_;
    },
    async byKid(tenantId, kid) {
      const row = await keys(tenantId).where('kid', '=', kid).executeTakeFirst();
      return row && read(row);
    },
    async add({ tenantId, kid, name, alg, kind, material, notBefore, notAfter }) {
      const kept = kind === 'secret' ? sealFor(database, 'tenantKey', material, tenantId, kid) : material;
      const times = { not_before: notBefore, not_after: notAfter, revoked_at: null, created_at: now() };
      const row = { tenant_id: tenantId, kid, name, alg, kind, material: kept, ...times };
      await written(() => db().insertInto('tenant_keys').values(row).execute());
    },
    retire: (tenantId, kid, notAfter) => change(tenantId, kid, { not_after: notAfter }),
    revoke: (tenantId, kid) => change(tenantId, kid, { revoked_at: now() }),
  };
}

const PROVIDER = 'openai';
const HINT_LETTERS = 4;

export function createProviderKeys(database: Database): ProviderKeys {
  const { db, now } = database;
  const find = (tenantId: string) =>
    db()
      .selectFrom('provider_keys')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('provider', '=', PROVIDER)
      .executeTakeFirst();
  return {
    async describe(tenantId) {
      const row = await find(tenantId);
      return row && { tenantId, provider: PROVIDER, hint: row.hint, createdAt: row.created_at };
    },
    async open(tenantId) {
      const row = await find(tenantId);
      if (row === undefined) return undefined;
      const key = await openFor(database, 'providerKey', row.sealed_key, tenantId, PROVIDER);
      return { tenantId, provider: PROVIDER, key, hint: row.hint, createdAt: row.created_at };
    },
    async put(tenantId, key) {
      const sealed_key = sealFor(database, 'providerKey', key, tenantId, PROVIDER);
      const kept = { sealed_key, hint: key.slice(-HINT_LETTERS), created_at: now() };
      await written(() =>
        db()
          .insertInto('provider_keys')
          .values({ tenant_id: tenantId, provider: PROVIDER, ...kept })
          .onConflict((on) => on.columns(['tenant_id', 'provider']).doUpdateSet(kept))
          .execute(),
      );
    },
    async remove(tenantId) {
      return touched(await db().deleteFrom('provider_keys').where('tenant_id', '=', tenantId).executeTakeFirst());
    },
  };
}

const revocation = (row: Selectable<Tables['revocations']>): RevocationRow => ({
  ...{ tenantId: row.tenant_id, kind: row.kind as RevocationRow['kind'], value: row.value },
  ...{ issuedBefore: row.issued_before, expiresAt: row.expires_at, createdAt: row.created_at },
});

export function createRevocations({ db, now }: Database): Revocations {
  return {
    async add({ tenantId, kind, value, issuedBefore, expiresAt }) {
      const row = { tenant_id: tenantId, id: `${kind}:${value}`, kind, value, created_at: now() };
      await written(() =>
        db()
          .insertInto('revocations')
          .values({ ...row, issued_before: issuedBefore, expires_at: expiresAt })
          .onConflict((on) =>
            // Revoked again reaches further, never less far.
            on.columns(['tenant_id', 'id']).doUpdateSet((to) => ({
              issued_before: to
                .case()
                .when('excluded.issued_before', '>', to.ref('revocations.issued_before'))
                .then(to.ref('excluded.issued_before'))
                .else(to.ref('revocations.issued_before'))
                .end(),
              expires_at: to
                .case()
                .when('excluded.expires_at', '>', to.ref('revocations.expires_at'))
                .then(to.ref('excluded.expires_at'))
                .else(to.ref('revocations.expires_at'))
                .end(),
            })),
          )
          .execute(),
      );
    },
    async list(tenantId, page) {
      const rows = await db()
        .selectFrom('revocations')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where(olderThan(page.after, 'created_at', 'id'))
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(rowsToAsk(page))
        .execute();
      return pageOf(rows, page, (row) => [row.created_at, row.id], revocation);
    },
    async inForce(tenantId, at) {
      const rows = await db()
        .selectFrom('revocations')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('expires_at', '>', at)
        .orderBy('id')
        .execute();
      return rows.map(revocation);
    },
    async forget(at) {
      const { numDeletedRows } = await db().deleteFrom('revocations').where('expires_at', '<=', at).executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}
