/** Conversations and their turns: found, searched, and with their words taken out again. */
import { sql } from 'kysely';
import { touched, written, type Database } from './database.ts';
import { olderThan, pageOf, rowsToAsk } from './paging.ts';
import type { SessionRecords } from './records.ts';
import { ERASED, sessionRow, turnRow, WORDLESS } from './session-rows.ts';
import { eraseSubject, wasErased } from './subjects.ts';
import { containing } from './tenants.ts';
import { addToPeriods, dayOf, monthOf } from './usage.ts';

/** How a conversation ended whose relay died. */
const CUT_OFF = 1006;

export function createSessions(database: Database): SessionRecords {
  const { db, within, now } = database;
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
        if (await wasErased(db, tenantId, subject, startedAt)) who.subject = ERASED;
        await written(() =>
          db()
            .insertInto('sessions')
            .values((from) => ({
              ...{ ...who, origin, instance, locale, started_at: startedAt, ...nothingYet },
              // Of a conversation that is written late, some of it may be there.
              billed: from
                .selectFrom('usage')
                .select((of) => of.fn.coalesce(of.fn.sum<number>('cost'), sql<number>`0`).as('sum'))
                .where('tenant_id', '=', tenantId)
                .where('session_id', '=', id),
            }))
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
      return within(async () => {
        const added = await written(() =>
          db()
            .insertInto('turns')
            .values((from) => ({
              ...values,
              ended_at: from
                .selectFrom('sessions')
                .select((of) => of('started_at', '+', values.ended_ms).as('at'))
                .where('tenant_id', '=', tenantId)
                .where('id', '=', sessionId),
            }))
            .onConflict((on) => on.columns(['tenant_id', 'session_id', 'turn']).doNothing())
            .returning('turn')
            .executeTakeFirst(),
        );
        // Counters before conversations, as everywhere: two that write both never wait for each other.
        if (added !== undefined) await addToPeriods(db, tenantId, [dayOf(now()), monthOf(now())], { turns: 1 });
        const more = added === undefined ? { turns: 0, cost: 0 } : { turns: 1, cost };
        const of = await db()
          .updateTable('sessions')
          .set((to) => ({
            turns: to('turns', '+', more.turns),
            interruptions: to('interruptions', '+', isInterrupted ? more.turns : 0),
            cost: to('cost', '+', more.cost),
          }))
          .where('tenant_id', '=', tenantId)
          .where('id', '=', sessionId)
          .returning('subject')
          .executeTakeFirst();
        if (of?.subject !== ERASED) return true;
        // Erased while this was on its way: whoever erases changes the conversation first, and its turns then.
        await db()
          .updateTable('turns')
          .set(WORDLESS)
          .where('tenant_id', '=', tenantId)
          .where('session_id', '=', sessionId)
          .where('turn', '=', row.turn)
          .execute();
        return false;
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
      return row && sessionRow(row);
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
      return rows.map(turnRow);
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
      return pageOf(rows, page, (row) => [row.started_at, row.id], sessionRow);
    },
    eraseSubject: async (tenantId, subject) => (await eraseSubject(database, tenantId, subject)).sessions,
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
    async forgetSubjects(startedBefore) {
      const { numUpdatedRows } = await db()
        .updateTable('sessions')
        .set({ subject: ERASED })
        .where('started_at', '<', startedBefore)
        .where('ended_at', 'is not', null)
        .where('subject', '!=', ERASED)
        .executeTakeFirst();
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
