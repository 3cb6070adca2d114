/**
 * One end user's data: handed out, and taken out everywhere at once. What is left of a conversation
 * afterwards is figures without a name. Of an erasure a digest is kept for a while, so that what was
 * on its way to the store meanwhile does not bring the name back.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { olderThan, pageOf, rowsToAsk } from './paging.ts';
import type { DeliveryRow, SubjectRecords } from './records.ts';
import { ERASED, sessionRow, WORDLESS } from './session-rows.ts';
import { deliveryRow } from './webhooks.ts';

/** Conversations whose deliveries are looked for in one statement. */
const AT_ONCE = 50;

export interface ErasedData {
  /** Conversations that were the user's. */
  sessions: number;
  /** What was sent to webhooks, or was to be. */
  deliveries: number;
}

const hashOf = (tenantId: string, subject: string) =>
  createHash('sha256')
    .update(JSON.stringify(['erased', tenantId, subject]))
    .digest('hex');

/** Whether the user was erased after a conversation of theirs began. */
export async function wasErased(
  db: Database['db'],
  tenantId: string,
  subject: string,
  startedAt: number,
): Promise<boolean> {
  const erasure = await db()
    .selectFrom('erasures')
    .select('at')
    .where('tenant_id', '=', tenantId)
    .where('subject_hash', '=', hashOf(tenantId, subject))
    .where('at', '>=', startedAt)
    .executeTakeFirst();
  return erasure !== undefined;
}

export async function eraseSubject(database: Database, tenantId: string, subject: string): Promise<ErasedData> {
  const { db, within, now } = database;
  if (subject === ERASED) return { sessions: 0, deliveries: 0 };
  return within(async () => {
    const at = now();
    await db()
      .insertInto('erasures')
      .values({ tenant_id: tenantId, subject_hash: hashOf(tenantId, subject), at })
      .onConflict((on) => on.columns(['tenant_id', 'subject_hash']).doUpdateSet({ at }))
      .execute();
    const sessions = await db()
      .updateTable('sessions')
      .set({ subject: ERASED, comment: null })
      .where('tenant_id', '=', tenantId)
      .where('subject', '=', subject)
      .returning('id')
      .execute();
    // Key by key: a person's conversations are few, a statement's parameters are limited.
    for (const { id } of sessions)
      await db()
        .updateTable('turns')
        .set(WORDLESS)
        .where('tenant_id', '=', tenantId)
        .where('session_id', '=', id)
        .execute();
    await db().deleteFrom('checkpoints').where('tenant_id', '=', tenantId).where('subject', '=', subject).execute();
    const ids = sessions.map(({ id }) => id);
    database.afterwards(() => void overwrite(database));
    // What was not delivered yet is not delivered any more.
    const told = await deliveriesOf(db, tenantId, subject, ids);
    for (const { id } of told)
      await db().deleteFrom('webhook_deliveries').where('tenant_id', '=', tenantId).where('id', '=', id).execute();
    return { sessions: ids.length, deliveries: told.length };
  });
}

/** What was taken out is in the file's journal until that is written back: it is now. Postgres cleans up by itself. */
async function overwrite({ db, dialect }: Database): Promise<void> {
  // Somebody reads at this moment: the next write-back, which comes by itself, does it.
  if (dialect === 'sqlite') await sql`pragma wal_checkpoint(truncate)`.execute(db()).catch(() => undefined);
}

/** What webhooks were or will be told of the user and of these conversations. */
async function deliveriesOf(
  db: Database['db'],
  tenantId: string,
  subject: string,
  sessions: readonly string[],
): Promise<DeliveryRow[]> {
  const isTheirs = ({ body }: DeliveryRow) => {
    const { data } = (JSON.parse(body) ?? {}) as { data?: { session?: unknown; subject?: unknown } };
    return data?.subject === subject || sessions.includes(data?.session as string);
  };
  const found = new Map<string, DeliveryRow>();
  const names = [subject, ...sessions];
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const some = names.slice(from, from + AT_ONCE);
    const rows = await db()
      .selectFrom('webhook_deliveries')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where((is) => is.or(some.map((name) => sql<boolean>`body like ${`%${quoted(name)}%`} escape '\\'`)))
      .execute();
    // The databases disagree about case in LIKE, and a name may stand anywhere: it is looked at again.
    for (const row of rows.map(deliveryRow)) if (isTheirs(row)) found.set(row.id, row);
  }
  return [...found.values()];
}

/** As it stands in JSON, for LIKE. */
const quoted = (text: string) => JSON.stringify(text).replace(/[\\%_]/g, '\\$&');

export function createSubjects(database: Database): SubjectRecords {
  const { db } = database;
  return {
    erase: (tenantId, subject) => eraseSubject(database, tenantId, subject),
    async sessions(tenantId, subject, page) {
      // What is left of those who were erased is nobody's.
      if (subject === ERASED) return { rows: [] };
      const rows = await db()
        .selectFrom('sessions')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('subject', '=', subject)
        .where(olderThan(page.after, 'started_at', 'id'))
        .orderBy('started_at', 'desc')
        .orderBy('id', 'desc')
        .limit(rowsToAsk(page))
        .execute();
      return pageOf(rows, page, (row) => [row.started_at, row.id], sessionRow);
    },
    async live(tenantId, subject) {
      const rows = await db()
        .selectFrom('sessions')
        .select('id')
        .where('tenant_id', '=', tenantId)
        .where('subject', '=', subject)
        .where('ended_at', 'is', null)
        .execute();
      return subject === ERASED ? 0 : rows.length;
    },
    overwrite: () => overwrite(database),
    deliveries: (tenantId, subject, sessions) => deliveriesOf(db, tenantId, subject, sessions),
    async forgetErasures(before) {
      const { numDeletedRows } = await db().deleteFrom('erasures').where('at', '<', before).executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}
