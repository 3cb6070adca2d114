/** What lets a conversation outlive its relay: its newest state, sealed, and the instances that may hold one. */
import type { Kysely, Migration } from 'kysely';

export const continuity: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('checkpoints')
      .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenants.id').onDelete('cascade'))
      .addColumn('session_id', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('holder', 'text')
      .addColumn('taken_from', 'text')
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('secret_hash', 'text', (column) => column.notNull())
      .addColumn('sealed_document', 'text', (column) => column.notNull())
      .addColumn('saved_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('checkpoints_pk', ['tenant_id', 'session_id'])
      .execute();
    // A page that comes back names its conversation before anybody knows its tenant.
    await db.schema.createIndex('checkpoints_session').on('checkpoints').column('session_id').execute();
    await db.schema.createIndex('checkpoints_saved').on('checkpoints').column('saved_at').execute();
    await db.schema.createIndex('checkpoints_subject').on('checkpoints').columns(['tenant_id', 'subject']).execute();
    await db.schema
      .createTable('instances')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('url', 'text', (column) => column.notNull())
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('sessions', 'integer', (column) => column.notNull())
      .addColumn('started_at', 'bigint', (column) => column.notNull())
      .addColumn('seen_at', 'bigint', (column) => column.notNull())
      .execute();
  },
};
