/**
 * The newest state of each conversation, for another instance to go on from. One row a conversation,
 * its words sealed for that row. It has one holder; each take-over raises `version`, and who still
 * has an older one writes nothing any more. Knows nothing of what is in the document.
 */
import { touched, written, type Database } from './database.ts';
import { openFor, sealFor } from './sealed-columns.ts';

export interface CheckpointRow {
  tenantId: string;
  sessionId: string;
  /** The end user, for erasure. */
  subject: string;
  /** The instance that writes it; null when it was let go for another to take. */
  holder: string | null;
  /** Take-overs so far. */
  version: number;
  /** SHA-256, in hex, of the secrets that open the next connection; separated by commas. */
  secretHash: string;
  savedAt: number;
}

/** Names one holder's hold on one conversation. */
export type Hold = Pick<CheckpointRow, 'tenantId' | 'sessionId' | 'version'> & { holder: string };

/** A row without its words, and what is known of the instance that holds it. */
export interface FoundCheckpoint extends CheckpointRow {
  /** Null when nobody holds it, or the instance was never seen. */
  holderUrl: string | null;
  holderSeenAt: number | null;
}

export interface Checkpoints {
  /**
   * Keeps the newest state in place of the former.
   *
   * @param document - JSON; sealed at rest.
   * @returns false when another holds it: nothing was written.
   */
  save(row: CheckpointRow & { holder: string }, document: string): Promise<boolean>;
  /** Of whatever tenant: a page that comes back names the conversation alone. */
  find(sessionId: string): Promise<FoundCheckpoint[]>;
  /**
   * Makes `holder` the one who holds it, if it is still as it was found.
   *
   * @returns the document; undefined when another was first.
   */
  take(found: CheckpointRow, holder: string): Promise<string | undefined>;
  /** Conversations that were taken from that holder, and are not over. */
  takenFrom(holder: string): Promise<string[]>;
  /** Keeps it, held by nobody, from `at` on. */
  letGo(hold: Hold, at: number): Promise<void>;
  remove(hold: Hold): Promise<void>;
  /** Removes what was saved before, and whose holder was not seen since. @returns how many. */
  removeOld(before: number): Promise<number>;
}

export function createCheckpoints(database: Database): Checkpoints {
  const { db } = database;
  const held = ({ tenantId, sessionId, version, holder }: Hold) => ({
    tenant_id: tenantId,
    session_id: sessionId,
    version,
    holder,
  });
  return {
    async save({ tenantId, sessionId, subject, holder, version, secretHash, savedAt }, document) {
      const sealed_document = sealFor(database, 'checkpoint', document, tenantId, sessionId);
      const newest = { subject, secret_hash: secretHash, sealed_document, saved_at: savedAt };
      // Written every few seconds of each conversation; a page comes back within a minute or never.
      const save = (connection: ReturnType<typeof db>) =>
        connection
          .insertInto('checkpoints')
          .values({ ...held({ tenantId, sessionId, version, holder }), taken_from: null, ...newest })
          .onConflict((on) =>
            on
              .columns(['tenant_id', 'session_id'])
              .doUpdateSet(newest)
              .where('checkpoints.holder', '=', holder)
              .where('checkpoints.version', '=', version),
          )
          .returning('version')
          .executeTakeFirst();
      return (await written(() => database.unflushed(save))) !== undefined;
    },
    async find(sessionId) {
      const rows = await db()
        .selectFrom('checkpoints')
        .leftJoin('instances', 'instances.id', 'checkpoints.holder')
        .select(['tenant_id', 'session_id', 'subject', 'holder', 'checkpoints.version', 'secret_hash', 'saved_at'])
        .select(['instances.url', 'instances.seen_at'])
        .where('session_id', '=', sessionId)
        .orderBy('tenant_id')
        .execute();
      return rows.map((row) => ({
        ...{ tenantId: row.tenant_id, sessionId: row.session_id, subject: row.subject, holder: row.holder },
        ...{ version: row.version, secretHash: row.secret_hash, savedAt: row.saved_at },
        ...{ holderUrl: row.url, holderSeenAt: row.seen_at },
      }));
    },
    async take({ tenantId, sessionId, version, holder: former }, holder) {
      const row = await db()
        .updateTable('checkpoints')
        .set({ holder, taken_from: former, version: version + 1 })
        .where('tenant_id', '=', tenantId)
        .where('session_id', '=', sessionId)
        .where('version', '=', version)
        .returning('sealed_document')
        .executeTakeFirst();
      return row && openFor(database, 'checkpoint', row.sealed_document, tenantId, sessionId);
    },
    async takenFrom(holder) {
      const rows = await db().selectFrom('checkpoints').select('session_id').where('taken_from', '=', holder).execute();
      return rows.map(({ session_id }) => session_id);
    },
    async letGo(hold, at) {
      await db()
        .updateTable('checkpoints')
        .set({ holder: null, saved_at: at })
        .where((is) => is.and(held(hold)))
        .execute();
    },
    async remove(hold) {
      await db()
        .deleteFrom('checkpoints')
        .where((is) => is.and(held(hold)))
        .execute();
    },
    async removeOld(before) {
      const { numDeletedRows } = await db()
        .deleteFrom('checkpoints')
        .where('saved_at', '<', before)
        .where((is) =>
          is.not(
            is.exists(
              is
                .selectFrom('instances')
                .select('id')
                .whereRef('instances.id', '=', 'checkpoints.holder')
                .where('seen_at', '>=', before),
            ),
          ),
        )
        .executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}

/** An instance of the relay, as it said of itself when it was last seen. */
export interface InstanceRow {
  id: string;
  /** By which other instances reach it. */
  url: string;
  /** Of the relay. */
  version: string;
  state: 'active' | 'draining';
  /** Conversations that live there. */
  sessions: number;
  startedAt: number;
  seenAt: number;
}

export interface Instances {
  /** It lives, and says how it is. */
  seen(row: InstanceRow): Promise<void>;
  /** Newest first. */
  list(): Promise<InstanceRow[]>;
  /** @returns whether it was there. */
  remove(id: string): Promise<boolean>;
}

export function createInstances({ db }: Database): Instances {
  return {
    async seen({ id, url, version, state, sessions, startedAt, seenAt }) {
      const now = { url, version, state, sessions, seen_at: seenAt };
      await db()
        .insertInto('instances')
        .values({ id, ...now, started_at: startedAt })
        .onConflict((on) => on.column('id').doUpdateSet(now))
        .execute();
    },
    async list() {
      const rows = await db().selectFrom('instances').selectAll().orderBy('started_at', 'desc').orderBy('id').execute();
      return rows.map(({ started_at, seen_at, state, ...row }) => ({
        ...row,
        ...{ state: state as InstanceRow['state'], startedAt: started_at, seenAt: seen_at },
      }));
    },
    async remove(id) {
      return touched(await db().deleteFrom('instances').where('id', '=', id).executeTakeFirst());
    },
  };
}
