/** How people found a conversation, or one turn of it: a score and, where the tenant keeps words, a word. */
import type { Kysely, Migration } from 'kysely';

export const ratings: Migration = {
  async up(db: Kysely<unknown>) {
    // One column a statement: SQLite adds no two at once.
    for (const table of ['sessions', 'turns']) {
      await db.schema.alterTable(table).addColumn('rating', 'integer').execute();
      await db.schema.alterTable(table).addColumn('comment', 'text').execute();
    }
  },
};
