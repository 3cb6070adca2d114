/**
 * Who did what: one chain a tenant, each entry bound to the one before it by its hash. The hash is
 * taken over the payload's hash, so that a payload can be erased and the chain still holds; a salt
 * that goes with it keeps a short payload from being guessed.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { Database } from './database.ts';
import { olderThan, pageOf, rowsToAsk } from './paging.ts';
import type { AuditRecords, AuditRow, IdempotencyRecords } from './records.ts';
import type { Tables } from './schema.ts';
import { openFor, sealFor } from './sealed-columns.ts';
import { written } from './database.ts';

type Entry = Selectable<Tables['audit']>;

const chainOf = (tenantId: string | null) => tenantId ?? '';
const digest = (...parts: (string | number)[]) => createHash('sha256').update(JSON.stringify(parts)).digest('hex');
const START = digest('voice-jib-jab audit');

const entryHash = (entry: Omit<Entry, 'hash' | 'payload' | 'salt'>): string =>
  digest(
    ...[entry.previous_hash, entry.chain, entry.seq, entry.at, entry.actor, entry.action, entry.target],
    entry.payload_hash,
  );

const read = (row: Entry): AuditRow => ({
  ...{ seq: row.seq, tenantId: row.chain === '' ? null : row.chain, at: row.at },
  ...{ actor: row.actor, action: row.action, target: row.target, payload: row.payload },
  ...{ payloadHash: row.payload_hash, previousHash: row.previous_hash, hash: row.hash },
});

/** How many entries are checked at a time. */
const BATCH = 500;

export function createAudit({ db, within, now }: Database): AuditRecords {
  return {
    async add({ tenantId, actor, action, target, payload: what }) {
      const chain = chainOf(tenantId);
      const payload = JSON.stringify(what ?? null);
      const salt = randomBytes(16).toString('base64url');
      await within(async () => {
        // Takes the number, and on Postgres the row's lock: whoever comes next waits for this entry.
        const { seq, hash: previous_hash } = await db()
          .insertInto('audit_chains')
          .values({ chain, seq: 1, hash: START })
          .onConflict((on) => on.column('chain').doUpdateSet((to) => ({ seq: to('audit_chains.seq', '+', 1) })))
          .returning(['seq', 'hash'])
          .executeTakeFirstOrThrow();
        const entry = { chain, seq, at: now(), actor, action, target, previous_hash };
        const payload_hash = digest(salt, payload);
        const hash = entryHash({ ...entry, payload_hash });
        await db()
          .insertInto('audit')
          .values({ ...entry, payload, salt, payload_hash, hash })
          .execute();
        await db().updateTable('audit_chains').set({ hash }).where('chain', '=', chain).execute();
      });
    },
    async list(tenantId, page) {
      const rows = await db()
        .selectFrom('audit')
        .selectAll()
        .where('chain', '=', chainOf(tenantId))
        .where(olderThan(page.after, 'seq', 'chain'))
        .orderBy('seq', 'desc')
        .limit(rowsToAsk(page))
        .execute();
      return pageOf(rows, page, (row) => [row.seq, row.chain], read);
    },
    async verify(tenantId) {
      const chain = chainOf(tenantId);
      const head = await db().selectFrom('audit_chains').selectAll().where('chain', '=', chain).executeTakeFirst();
      let entries = 0;
      let previous = START;
      for (;;) {
        const rows = await db()
          .selectFrom('audit')
          .selectAll()
          .where('chain', '=', chain)
          .where('seq', '>', entries)
          .where('seq', '<=', head?.seq ?? 0)
          .orderBy('seq')
          .limit(BATCH)
          .execute();
        for (const row of rows) {
          const isWhole =
            row.seq === entries + 1 &&
            row.previous_hash === previous &&
            row.hash === entryHash(row) &&
            (row.payload === null || row.payload_hash === digest(row.salt ?? '', row.payload));
          if (!isWhole) return { entries, brokenAt: entries + 1 };
          entries += 1;
          previous = row.hash;
        }
        if (rows.length < BATCH) break;
      }
      // Entries that were cut off the end leave the head behind.
      if (entries < (head?.seq ?? 0) || (head !== undefined && head.hash !== previous))
        return { entries, brokenAt: entries + 1 };
      return { entries };
    },
    async erase(tenantId, target) {
      const { numUpdatedRows } = await db()
        .updateTable('audit')
        .set({ payload: null, salt: null })
        .where('chain', '=', chainOf(tenantId))
        .where('target', '=', target)
        .where('payload', 'is not', null)
        .executeTakeFirst();
      return Number(numUpdatedRows);
    },
  };
}

/** For how long an answer is remembered, in milliseconds. */
const REMEMBERED_MS = 86_400_000;

/** What a repeated request was answered before. */
export function createIdempotency(database: Database): IdempotencyRecords {
  const { db, within } = database;
  return {
    async get(scope, key) {
      const row = await db()
        .selectFrom('idempotency')
        .selectAll()
        .where('scope', '=', scope)
        .where('key', '=', key)
        .where('created_at', '>', database.now() - REMEMBERED_MS)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const body = await openFor(database, 'answer', row.sealed_body, scope, key);
      return { scope, key, requestHash: row.request_hash, status: row.status, body, createdAt: row.created_at };
    },
    async put({ scope, key, requestHash, status, body, createdAt }) {
      const sealed_body = sealFor(database, 'answer', body, scope, key);
      const row = { scope, key, request_hash: requestHash, status, sealed_body, created_at: createdAt };
      await within(async () => {
        await db()
          .deleteFrom('idempotency')
          .where('scope', '=', scope)
          .where('key', '=', key)
          .where('created_at', '<=', createdAt - REMEMBERED_MS)
          .execute();
        await written(() => db().insertInto('idempotency').values(row).execute());
      });
    },
    async forget(before) {
      const { numDeletedRows } = await db()
        .deleteFrom('idempotency')
        .where('created_at', '<', before)
        .executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}
