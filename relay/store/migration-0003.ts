/** What a tenant set of itself, as one document: what is kept of words, whether tokens open one session. */
import type { Kysely, Migration } from 'kysely';

export const tenantSettings: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('tenants')
      .addColumn('settings', 'text', (column) => column.notNull().defaultTo('{}'))
      .execute();
  },
};
