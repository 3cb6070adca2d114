/**
 * Which columns are sealed, and for which row: the one list that reading, writing and a change of
 * the master key go by.
 */
import { sql } from 'kysely';
import type { Database } from './database.ts';

interface SealedColumn {
  table: 'signing_keys' | 'tenant_keys' | 'provider_keys' | 'webhooks' | 'idempotency' | 'checkpoints';
  column: string;
  /** Columns that name the row; the first one is the tenant, which may be null. */
  row: readonly [owner: string, ...ids: string[]];
}

const SEALED = {
  signingKey: { table: 'signing_keys', column: 'sealed_jwk', row: ['tenant_id', 'kid'] },
  tenantKey: { table: 'tenant_keys', column: 'material', row: ['tenant_id', 'kid'] },
  providerKey: { table: 'provider_keys', column: 'sealed_key', row: ['tenant_id', 'provider'] },
  webhookSecrets: { table: 'webhooks', column: 'sealed_secrets', row: ['tenant_id', 'id'] },
  checkpoint: { table: 'checkpoints', column: 'sealed_document', row: ['tenant_id', 'session_id'] },
  answer: { table: 'idempotency', column: 'sealed_body', row: ['scope', 'key'] },
} as const satisfies Record<string, SealedColumn>;

export type SealedKind = keyof typeof SEALED;

const binding = ({ table, column }: SealedColumn, owner: string | null, ids: readonly string[]) => [
  ...[owner ?? '', table, column],
  ...ids,
];

export const sealFor = ({ seal }: Database, kind: SealedKind, plain: string, owner: string | null, ...ids: string[]) =>
  seal.seal(plain, binding(SEALED[kind], owner, ids));

/** Opens it; what is sealed under an older key is sealed anew on the way. */
export async function openFor(
  database: Database,
  kind: SealedKind,
  sealed: string,
  owner: string | null,
  ...ids: string[]
): Promise<string> {
  const plain = database.seal.open(sealed, binding(SEALED[kind], owner, ids));
  if (!database.seal.isNewest(sealed)) await replace(database, SEALED[kind], sealed, plain, owner, ids);
  return plain;
}

async function replace(
  { db, seal }: Database,
  column: SealedColumn,
  sealed: string,
  plain: string,
  owner: string | null,
  ids: readonly string[],
): Promise<void> {
  const { table, column: name } = column;
  // Only if nobody has written it meanwhile.
  const row = column.row.map((part, index) => {
    const value = index === 0 ? owner : (ids[index - 1] ?? '');
    return value === null ? sql`${sql.ref(part)} is null` : sql`${sql.ref(part)} = ${value}`;
  });
  await sql`update ${sql.table(table)} set ${sql.ref(name)} = ${seal.seal(plain, binding(column, owner, ids))}
    where ${sql.join(row, sql` and `)} and ${sql.ref(name)} = ${sealed}`.execute(db());
}

const BATCH = 200;

/** Seals everything under the newest key. @returns how many values it was. */
export async function sealAnew(database: Database): Promise<number> {
  let done = 0;
  for (const column of Object.values<SealedColumn>(SEALED)) {
    for (;;) {
      const names = [column.column, ...column.row].map((name) => sql.ref(name));
      const newest = `v1.${database.seal.keyIds[0] ?? ''}.%`;
      const { rows } = await sql<Record<string, string | null>>`select ${sql.join(names)}
        from ${sql.table(column.table)} where ${sql.ref(column.column)} like 'v1.%'
        and ${sql.ref(column.column)} not like ${newest} limit ${BATCH}`.execute(database.db());
      for (const row of rows) {
        const [owner, ...ids] = column.row.map((name) => row[name] ?? null);
        const sealed = row[column.column] ?? '';
        const named = ids.map((id) => id ?? '');
        const plain = database.seal.open(sealed, binding(column, owner ?? null, named));
        await replace(database, column, sealed, plain, owner ?? null, named);
      }
      done += rows.length;
      if (rows.length < BATCH) break;
    }
  }
  return done;
}
