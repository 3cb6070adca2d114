/** Conversations and their turns: found, searched, and with their words taken out again. */
import { sql, type Selectable } from 'kysely';
import { touched, written, type Database } from './database.ts';
import { olderThan, pageOf, rowsToAsk } from './paging.ts';
import type { SessionRecords, SessionRow, TurnRow } from './records.ts';
import type { Tables } from './schema.ts';
import { containing } from './tenants.ts';
import { addToPeriods, dayOf, monthOf } from './usage.ts';

/** How a conversation ended whose relay died. */
const CUT_OFF = 1006;

const session = (row: Selectable<Tables['sessions']>): SessionRow => ({
  ...{ id: row.id, tenantId: row.tenant_id, subject: row.subject },
  ...{ assistantId: row.assistant_id, assistantVersion: row.assistant_version },
  ...{ origin: row.origin, instance: row.instance, locale: row.locale },
  ...{ startedAt: row.started_at, endedAt: row.ended_at, closeCode: row.close_code },
  ...{ turns: row.turns, interruptions: row.interruptions, cost: row.cost, talkMs: row.talk_ms },
  ...{ rating: row.rating, comment: row.comment },
});

const turn = (row: Selectable<Tables['turns']>): TurnRow => ({
  ...{ tenantId: row.tenant_id, sessionId: row.session_id, turn: row.turn },
  ...{ startedMs: row.started_ms, endedMs: row.ended_ms, outcome: row.outcome },
  ...{ userText: row.user_text, heardText: row.heard_text, unheardText: row.unheard_text },
  ...{ figures: row.figures, cost: row.cost, rating: row.rating, comment: row.comment },
});

const WORDLESS = { user_text: null, heard_text: null, unheard_text: null, words: null, comment: null };

/** What stands for an end user whose data was erased. */
const ERASED = '';

export function createSessions({ db, within, now }: Database): SessionRecords {
  const end = (endedAt: number) =>
    db().updateTable('sessions').set({ ended_at: endedAt, close_code: CUT_OFF }).where('ended_at', 'is', null);
  return {
    async start({ id, tenantId, subject, assistantId, assistantVersion, origin, instance, locale, startedAt }) {
      const who = { tenant_id: tenantId, id, subject, assistant_id: assistantId, assistant_version: assistantVersion };
      const nothingYet = {
        ended_at: null,
        close_code: null,
        turns: 0,
        interruptions: 0,
        cost: 0,
        talk_ms: 0,
        rating: null,
        comment: null,
      };
      await within(async () => {
        await written(() =>
          db()
            .insertInto('sessions')
            .values({ ...who, origin, instance, locale, started_at: startedAt, ...nothingYet })
            .execute(),
        );
        await addToPeriods(db, tenantId, [dayOf(startedAt), monthOf(startedAt)], { sessions: 1 });
      });
    },
    async end(tenantId, id, { endedAt, closeCode }) {
      await db()
        .updateTable('sessions')
        .set({ ended_at: endedAt, close_code: closeCode })
        .where('tenant_id', '=', tenantId)
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .execute();
    },
    async addTurn(row, isInterrupted) {
      const { tenantId, sessionId, userText, heardText, unheardText } = row;
      const said = [userText, heardText, unheardText].filter((text) => text !== null);
      const cost = Math.round(row.cost);
      const values = {
        ...{ tenant_id: tenantId, session_id: sessionId, turn: row.turn, outcome: row.outcome },
        ...{ started_ms: Math.round(row.startedMs), ended_ms: Math.round(row.endedMs), figures: row.figures, cost },
        ...{ user_text: userText, heard_text: heardText, unheard_text: unheardText },
        words: said.length === 0 ? null : said.join('\n').toLowerCase(),
        ...{ rating: null, comment: null },
      };
      await within(async () => {
        const added = await written(() =>
          db()
            .insertInto('turns')
            .values(values)
            .onConflict((on) => on.columns(['tenant_id', 'session_id', 'turn']).doNothing())
            .returning('turn')
            .executeTakeFirst(),
        );
        if (added === undefined) return;
        await db()
          .updateTable('sessions')
          .set((to) => ({
            turns: to('turns', '+', 1),
            interruptions: to('interruptions', '+', isInterrupted ? 1 : 0),
            cost: to('cost', '+', cost),
          }))
          .where('tenant_id', '=', tenantId)
          .where('id', '=', sessionId)
          .execute();
        await addToPeriods(db, tenantId, [dayOf(now()), monthOf(now())], { turns: 1 });
      });
    },
    async rate(tenantId, id, { score, comment, turn: rated }) {
      const table = rated === null ? 'sessions' : 'turns';
      const one = db().updateTable(table).set({ rating: score, comment }).where('tenant_id', '=', tenantId);
      const { numUpdatedRows } = await (
        rated === null ? one.where('id', '=', id) : one.where('session_id', '=', id).where('turn', '=', rated)
      ).executeTakeFirst();
      return numUpdatedRows > 0n;
    },
    async goOn(tenantId, id, instance) {
      return touched(
        await db()
          .updateTable('sessions')
          .set({ instance, ended_at: null, close_code: null })
          .where('tenant_id', '=', tenantId)
          .where('id', '=', id)
          .executeTakeFirst(),
      );
    },
    async byId(tenantId, id) {
      const row = await db()
        .selectFrom('sessions')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('id', '=', id)
        .executeTakeFirst();
      return row && session(row);
    },
    async turns(tenantId, id) {
      const rows = await db()
        .selectFrom('turns')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('session_id', '=', id)
        .orderBy('started_ms')
        .orderBy('ended_ms')
        .orderBy('turn')
        .execute();
      return rows.map(turn);
    },
    async find(tenantId, { search, from, to, isLive, ...page }) {
      let query = db()
        .selectFrom('sessions')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where(olderThan(page.after, 'started_at', 'id'));
      if (from !== undefined) query = query.where('started_at', '>=', from);
      if (to !== undefined) query = query.where('started_at', '<', to);
      if (isLive !== undefined) query = query.where('ended_at', isLive ? 'is' : 'is not', null);
      if (search !== undefined && search !== '') {
        const like = containing(search);
        query = query.where(
          sql<boolean>`(lower(subject) like ${like} escape '\\' or lower(id) like ${like} escape '\\' or exists (
            select 1 from turns where turns.tenant_id = sessions.tenant_id and turns.session_id = sessions.id
            and turns.words like ${like} escape '\\'))`,
        );
      }
      const rows = await query.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(rowsToAsk(page)).execute();
      return pageOf(rows, page, (row) => [row.started_at, row.id], session);
    },
    async eraseSubject(tenantId, subject) {
      if (subject === ERASED) return 0;
      return within(async () => {
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
        return sessions.length;
      });
    },
    async endLeftBy(instance, endedAt) {
      const { numUpdatedRows } = await end(endedAt).where('instance', '=', instance).executeTakeFirst();
      return Number(numUpdatedRows);
    },
    async endAllBut(living, endedAt, startedBefore = Number.MAX_SAFE_INTEGER) {
      const { numUpdatedRows } = await end(endedAt)
        .where('instance', 'not in', typeof living === 'string' ? [living] : living)
        .where('started_at', '<', startedBefore)
        .executeTakeFirst();
      return Number(numUpdatedRows);
    },
    async forgetTexts(tenantId, startedBefore) {
      let turns = db()
        .updateTable('turns')
        .set(WORDLESS)
        .where((is) => is.or([is('words', 'is not', null), is('comment', 'is not', null)]))
        .where((is) =>
          is.exists(
            is
              .selectFrom('sessions')
              .select('id')
              .whereRef('sessions.tenant_id', '=', 'turns.tenant_id')
              .whereRef('sessions.id', '=', 'turns.session_id')
              .where('started_at', '<', startedBefore),
          ),
        );
      if (tenantId !== null) turns = turns.where('tenant_id', '=', tenantId);
      let remarks = db()
        .updateTable('sessions')
        .set({ comment: null })
        .where('comment', 'is not', null)
        .where('started_at', '<', startedBefore);
      if (tenantId !== null) remarks = remarks.where('tenant_id', '=', tenantId);
      await remarks.execute();
      const { numUpdatedRows } = await turns.executeTakeFirst();
      return Number(numUpdatedRows);
    },
    async removeOld(tenantId, startedBefore) {
      let old = db().deleteFrom('sessions').where('started_at', '<', startedBefore).where('ended_at', 'is not', null);
      if (tenantId !== null) old = old.where('tenant_id', '=', tenantId);
      const { numDeletedRows } = await old.executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}
