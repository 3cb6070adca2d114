/**
 * The database: tables and the steps that make them. Ids are text, times whole milliseconds since
 * 1970, documents JSON as text, so that SQLite and Postgres share every query and migration.
 */
import type { Kysely, Migration } from 'kysely';

export interface Tables {
  tenants: { id: string; slug: string; name: string; status: string; limits: string; created_at: number };
  origins: { tenant_id: string; pattern: string; created_at: number };
  publishable_keys: { id: string; tenant_id: string; status: string; created_at: number };
  signing_keys: {
    kid: string;
    /** Null: the relay's own. */
    tenant_id: string | null;
    alg: string;
    /** Sealed under the master key. */
    sealed_jwk: string;
    not_before: number;
    /** Null: until it is retired. */
    not_after: number | null;
    created_at: number;
  };
  assistants: { id: string; tenant_id: string; version: number; document: string; created_at: number };
  /** One row of proof that this database and this master key belong together. */
  relay_facts: { name: string; value: string };
}

/** In order; a step that was released is never edited, only followed. */
export const MIGRATIONS: Record<string, Migration> = {
  '0001-tenants-keys-assistants': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('tenants')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('slug', 'text', (column) => column.notNull().unique())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('status', 'text', (column) => column.notNull())
        .addColumn('limits', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('origins')
        .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenants.id').onDelete('cascade'))
        .addColumn('pattern', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('origins_pk', ['tenant_id', 'pattern'])
        .execute();
      await db.schema.createIndex('origins_pattern').on('origins').column('pattern').execute();
      await db.schema
        .createTable('publishable_keys')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenants.id').onDelete('cascade'))
        .addColumn('status', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('signing_keys')
        .addColumn('kid', 'text', (column) => column.primaryKey())
        .addColumn('tenant_id', 'text', (column) => column.references('tenants.id').onDelete('cascade'))
        .addColumn('alg', 'text', (column) => column.notNull())
        .addColumn('sealed_jwk', 'text', (column) => column.notNull())
        .addColumn('not_before', 'bigint', (column) => column.notNull())
        .addColumn('not_after', 'bigint')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('assistants')
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenants.id').onDelete('cascade'))
        .addColumn('version', 'integer', (column) => column.notNull())
        .addColumn('document', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('assistants_pk', ['tenant_id', 'id', 'version'])
        .execute();
      await db.schema
        .createTable('relay_facts')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('value', 'text', (column) => column.notNull())
        .execute();
    },
  },
};
