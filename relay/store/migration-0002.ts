/**
 * What hosting for many needs: limits by name, keys for programs and backends, conversations,
 * usage, webhooks, people, the audit chain and remembered answers. Ids are unique within their
 * tenant, so that one tenant's ids tell nothing about another's.
 */
import type { ColumnDataType, CreateTableBuilder, Kysely, Migration } from 'kysely';

type Columns = Record<string, ColumnDataType | [ColumnDataType]>;

/** A type in brackets may be null. */
function table(db: Kysely<unknown>, name: string, columns: Columns): CreateTableBuilder<string, string> {
  let made: CreateTableBuilder<string, string> = db.schema.createTable(name);
  for (const [column, type] of Object.entries(columns))
    made = Array.isArray(type) ? made.addColumn(column, type[0]) : made.addColumn(column, type, (as) => as.notNull());
  return made;
}

const ofTenant = (made: CreateTableBuilder<string, string>, name: string) =>
  made.addForeignKeyConstraint(`${name}_tenant`, ['tenant_id'], 'tenants', ['id'], (key) => key.onDelete('cascade'));

const index = (db: Kysely<unknown>, on: string, name: string, columns: string[]) =>
  db.schema.createIndex(`${on}_${name}`).on(on).columns(columns).execute();

export const hosting: Migration = {
  async up(db: Kysely<unknown>) {
    await limits(db, db);
    await keys(db);
    await conversations(db);
    await webhooks(db);
    await people(db);
    await traces(db);
  },
};

interface Before {
  tenants: { id: string; limits: string };
  limits: { tenant_id: string; name: string; value: number | null };
}

/** One row a limit: null says "no limit", which absence ("the relay's default") cannot. */
async function limits(making: Kysely<unknown>, db: Kysely<Before>): Promise<void> {
  await ofTenant(table(making, 'limits', { tenant_id: 'text', name: 'text', value: ['bigint'] }), 'limits')
    .addPrimaryKeyConstraint('limits_pk', ['tenant_id', 'name'])
    .execute();
  for (const tenant of await db.selectFrom('tenants').select(['id', 'limits']).execute()) {
    const rows = Object.entries(JSON.parse(tenant.limits) as Record<string, number>).map(([name, value]) => ({
      ...{ tenant_id: tenant.id, name, value },
    }));
    if (rows.length > 0) await db.insertInto('limits').values(rows).execute();
  }
  await db.schema.alterTable('tenants').dropColumn('limits').execute();
}

async function keys(db: Kysely<unknown>): Promise<void> {
  const apiKeys = table(db, 'api_keys', {
    ...{ tenant_id: 'text', id: 'text', name: 'text', prefix: 'text', role: 'text', sha256: 'text' },
    ...{ created_at: 'bigint', expires_at: ['bigint'], last_used_at: ['bigint'], revoked_at: ['bigint'] },
  });
  await ofTenant(apiKeys, 'api_keys')
    .addPrimaryKeyConstraint('api_keys_pk', ['tenant_id', 'id'])
    .addUniqueConstraint('api_keys_sha256', ['sha256'])
    .execute();
  const tenantKeys = table(db, 'tenant_keys', {
    ...{ tenant_id: 'text', kid: 'text', name: 'text', alg: 'text', kind: 'text', material: 'text' },
    ...{ not_before: 'bigint', not_after: ['bigint'], revoked_at: ['bigint'], created_at: 'bigint' },
  });
  await ofTenant(tenantKeys, 'tenant_keys').addPrimaryKeyConstraint('tenant_keys_pk', ['tenant_id', 'kid']).execute();
  const providerKeys = table(db, 'provider_keys', {
    ...{ tenant_id: 'text', provider: 'text', sealed_key: 'text', hint: 'text', created_at: 'bigint' },
  });
  await ofTenant(providerKeys, 'provider_keys')
    .addPrimaryKeyConstraint('provider_keys_pk', ['tenant_id', 'provider'])
    .execute();
  const revocations = table(db, 'revocations', {
    ...{ tenant_id: 'text', id: 'text', kind: 'text', value: 'text' },
    ...{ issued_before: 'bigint', expires_at: 'bigint', created_at: 'bigint' },
  });
  await ofTenant(revocations, 'revocations').addPrimaryKeyConstraint('revocations_pk', ['tenant_id', 'id']).execute();
  await index(db, 'revocations', 'expiry', ['expires_at']);
}

async function conversations(db: Kysely<unknown>): Promise<void> {
  const sessions = table(db, 'sessions', {
    ...{ tenant_id: 'text', id: 'text', subject: 'text', assistant_id: 'text', assistant_version: 'integer' },
    ...{ origin: ['text'], instance: 'text', locale: ['text'], started_at: 'bigint', ended_at: ['bigint'] },
    ...{ close_code: ['integer'], turns: 'integer', interruptions: 'integer', cost: 'bigint', talk_ms: 'bigint' },
  });
  await ofTenant(sessions, 'sessions').addPrimaryKeyConstraint('sessions_pk', ['tenant_id', 'id']).execute();
  await index(db, 'sessions', 'newest', ['tenant_id', 'started_at', 'id']);
  await index(db, 'sessions', 'subject', ['tenant_id', 'subject']);
  await index(db, 'sessions', 'live', ['ended_at', 'instance']);
  await table(db, 'turns', {
    ...{ tenant_id: 'text', session_id: 'text', turn: 'text', started_ms: 'bigint', ended_ms: 'bigint' },
    ...{ outcome: 'text', user_text: ['text'], heard_text: ['text'], unheard_text: ['text'], words: ['text'] },
    ...{ figures: 'text', cost: 'bigint' },
  })
    .addPrimaryKeyConstraint('turns_pk', ['tenant_id', 'session_id', 'turn'])
    .addForeignKeyConstraint('turns_session', ['tenant_id', 'session_id'], 'sessions', ['tenant_id', 'id'], (key) =>
      key.onDelete('cascade'),
    )
    .execute();
  const usage = table(db, 'usage', {
    ...{ tenant_id: 'text', id: 'text', session_id: 'text', lane: 'text', kind: 'text' },
    ...{ quantity: 'double precision', unit: 'text', cost: 'bigint', price_date: 'text', at: 'bigint' },
  });
  await ofTenant(usage, 'usage').addPrimaryKeyConstraint('usage_pk', ['tenant_id', 'id']).execute();
  await index(db, 'usage', 'session', ['tenant_id', 'session_id']);
  const periods = table(db, 'usage_periods', {
    ...{ tenant_id: 'text', period: 'text', sessions: 'integer', turns: 'integer', talk_ms: 'bigint' },
    ...{ cost_a: 'bigint', cost_b: 'bigint', cost_c: 'bigint' },
  });
  await ofTenant(periods, 'usage_periods')
    .addPrimaryKeyConstraint('usage_periods_pk', ['tenant_id', 'period'])
    .execute();
}

async function webhooks(db: Kysely<unknown>): Promise<void> {
  const endpoints = table(db, 'webhooks', {
    ...{ tenant_id: 'text', id: 'text', url: 'text', events: 'text', status: 'text' },
    ...{ sealed_secrets: 'text', created_at: 'bigint' },
  });
  await ofTenant(endpoints, 'webhooks').addPrimaryKeyConstraint('webhooks_pk', ['tenant_id', 'id']).execute();
  await table(db, 'webhook_deliveries', {
    ...{ tenant_id: 'text', id: 'text', webhook_id: 'text', event: 'text', body: 'text', status: 'text' },
    ...{ attempts: 'integer', next_at: 'bigint', last_result: ['text'], created_at: 'bigint' },
  })
    .addPrimaryKeyConstraint('webhook_deliveries_pk', ['tenant_id', 'id'])
    .addForeignKeyConstraint(
      'webhook_deliveries_webhook',
      ['tenant_id', 'webhook_id'],
      'webhooks',
      ['tenant_id', 'id'],
      (key) => key.onDelete('cascade'),
    )
    .execute();
  await index(db, 'webhook_deliveries', 'due', ['status', 'next_at']);
  await index(db, 'webhook_deliveries', 'newest', ['tenant_id', 'webhook_id', 'created_at', 'id']);
}

async function people(db: Kysely<unknown>): Promise<void> {
  const users = table(db, 'users', {
    ...{ id: 'text', tenant_id: ['text'], email: 'text', role: 'text', password_hash: ['text'], created_at: 'bigint' },
  });
  await ofTenant(users, 'users')
    .addPrimaryKeyConstraint('users_pk', ['id'])
    .addUniqueConstraint('users_email', ['email'])
    .execute();
  const ofUser = (made: CreateTableBuilder<string, string>, name: string) =>
    made
      .addPrimaryKeyConstraint(`${name}_pk`, ['hash'])
      .addForeignKeyConstraint(`${name}_user`, ['user_id'], 'users', ['id'], (key) => key.onDelete('cascade'))
      .execute();
  const signIns = { hash: 'text', user_id: 'text', csrf: 'text', created_at: 'bigint', expires_at: 'bigint' } as const;
  await ofUser(table(db, 'sign_ins', signIns), 'sign_ins');
  await index(db, 'sign_ins', 'user', ['user_id']);
  await ofUser(table(db, 'links', { hash: 'text', user_id: 'text', expires_at: 'bigint' }), 'links');
}

/** Traces outlive the tenant that they are about: no reference to it. */
async function traces(db: Kysely<unknown>): Promise<void> {
  await table(db, 'audit', {
    ...{ chain: 'text', seq: 'bigint', at: 'bigint', actor: 'text', action: 'text', target: 'text' },
    ...{ payload: ['text'], salt: ['text'], payload_hash: 'text', previous_hash: 'text', hash: 'text' },
  })
    .addPrimaryKeyConstraint('audit_pk', ['chain', 'seq'])
    .execute();
  await index(db, 'audit', 'target', ['chain', 'target']);
  await table(db, 'audit_chains', { chain: 'text', seq: 'bigint', hash: 'text' })
    .addPrimaryKeyConstraint('audit_chains_pk', ['chain'])
    .execute();
  await table(db, 'idempotency', {
    ...{ scope: 'text', key: 'text', request_hash: 'text', status: 'integer' },
    ...{ sealed_body: 'text', created_at: 'bigint' },
  })
    .addPrimaryKeyConstraint('idempotency_pk', ['scope', 'key'])
    .execute();
  await index(db, 'idempotency', 'age', ['created_at']);
}
