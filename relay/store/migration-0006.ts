/**
 * When a turn ended by the clock, for figures over all conversations; what the provider billed a
 * conversation, for its cost; and who was erased, so that what is written late names nobody.
 */
import { sql, type Kysely, type Migration } from 'kysely';

export const operations: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('turns').addColumn('ended_at', 'bigint').execute();
    await sql`update turns set ended_at = ended_ms + (select started_at from sessions
      where sessions.tenant_id = turns.tenant_id and sessions.id = turns.session_id)`.execute(db);
    await db.schema.createIndex('turns_ended').on('turns').column('ended_at').execute();
    await db.schema
      .alterTable('sessions')
      .addColumn('billed', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await sql`update sessions set billed = coalesce((select sum(cost) from usage
      where usage.tenant_id = sessions.tenant_id and usage.session_id = sessions.id), 0)`.execute(db);
    await db.schema
      .createTable('erasures')
      .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenants.id').onDelete('cascade'))
      .addColumn('subject_hash', 'text', (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('erasures_pk', ['tenant_id', 'subject_hash'])
      .execute();
  },
};
