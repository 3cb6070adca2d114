/** What was used and what it cost: every event once, and counters that grow with them. */
import type { Selectable } from 'kysely';
import { written, type Database } from './database.ts';
import type { DayUsage, UsageRecords, UsageRow } from './records.ts';
import type { Tables } from './schema.ts';

const DAY_MS = 86_400_000;

/** Of UTC, as `2026-11-23`. */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
/** Of UTC, as `2026-11`. */
export const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7);

const NOTHING = { sessions: 0, turns: 0, talk_ms: 0, cost_a: 0, cost_b: 0, cost_c: 0 };
type Amounts = typeof NOTHING;
const LANE = { A: 'cost_a', B: 'cost_b', C: 'cost_c' } as const;

/** Adds to each of the periods in one statement each, whoever else adds at the same time. */
export async function addToPeriods(
  db: Database['db'],
  tenantId: string,
  periods: readonly string[],
  more: Partial<Amounts>,
): Promise<void> {
  // Always in the same order: two that add to the same periods never wait for each other.
  for (const period of [...periods].sort())
    await written(() =>
      db()
        .insertInto('usage_periods')
        .values({ tenant_id: tenantId, period, ...NOTHING, ...more })
        .onConflict((on) =>
          on.columns(['tenant_id', 'period']).doUpdateSet((to) => ({
            sessions: to('usage_periods.sessions', '+', to.ref('excluded.sessions')),
            turns: to('usage_periods.turns', '+', to.ref('excluded.turns')),
            talk_ms: to('usage_periods.talk_ms', '+', to.ref('excluded.talk_ms')),
            cost_a: to('usage_periods.cost_a', '+', to.ref('excluded.cost_a')),
            cost_b: to('usage_periods.cost_b', '+', to.ref('excluded.cost_b')),
            cost_c: to('usage_periods.cost_c', '+', to.ref('excluded.cost_c')),
          })),
        )
        .execute(),
    );
}

const usage = (row: Selectable<Tables['usage']>): UsageRow => ({
  ...{ id: row.id, tenantId: row.tenant_id, sessionId: row.session_id, lane: row.lane as UsageRow['lane'] },
  ...{ kind: row.kind, quantity: row.quantity, unit: row.unit as UsageRow['unit'] },
  ...{ cost: row.cost, priceDate: row.price_date, at: row.at },
});

/** Rows that say how much of a conversation's time a process has counted: no bill, and shown to nobody. */
const TALK = 'talk';

export function createUsage({ db, within, dialect }: Database): UsageRecords {
  /** What of a run's total was not counted before. In a transaction, in which nobody else counts the same. */
  async function newTalk(
    tenantId: string,
    sessionId: string,
    at: number,
    { run, totalMs }: { run: string; totalMs: number },
  ): Promise<number> {
    const id = `${sessionId}:${TALK}:${run}`;
    const nothing = { lane: 'B', kind: TALK, quantity: 0, unit: 'ms', cost: 0, price_date: '', at };
    await written(() =>
      db()
        .insertInto('usage')
        .values({ tenant_id: tenantId, id, session_id: sessionId, ...nothing })
        .onConflict((on) => on.columns(['tenant_id', 'id']).doNothing())
        .execute(),
    );
    let row = db().selectFrom('usage').select('quantity').where('tenant_id', '=', tenantId).where('id', '=', id);
    if (dialect === 'postgres') row = row.forUpdate();
    const { quantity } = await row.executeTakeFirstOrThrow();
    const total = Math.round(totalMs);
    if (total <= quantity) return 0;
    await db()
      .updateTable('usage')
      .set({ quantity: total, at })
      .where('tenant_id', '=', tenantId)
      .where('id', '=', id)
      .execute();
    return total - quantity;
  }

  return {
    async add(rows) {
      const byTenant = [...rows].sort((a, b) => (a.tenantId < b.tenantId ? -1 : a.tenantId > b.tenantId ? 1 : 0));
      await within(async () => {
        /** What is new, by tenant and period. */
        const more = new Map<string, { tenantId: string; period: string; amounts: Partial<Amounts> }>();
        const billed = new Map<string, { tenantId: string; sessionId: string; cost: number }>();
        for (const row of byTenant) {
          const cost = Math.round(row.cost);
          const added = await written(() =>
            db()
              .insertInto('usage')
              .values({
                ...{ tenant_id: row.tenantId, id: row.id, session_id: row.sessionId, lane: row.lane, kind: row.kind },
                ...{ quantity: row.quantity, unit: row.unit, cost, price_date: row.priceDate, at: row.at },
              })
              .onConflict((on) => on.columns(['tenant_id', 'id']).doNothing())
              .returning('id')
              .executeTakeFirst(),
          );
          if (added === undefined) continue;
          const of = JSON.stringify([row.tenantId, row.sessionId]);
          billed.set(of, { ...row, cost: (billed.get(of)?.cost ?? 0) + cost });
          for (const period of [monthOf(row.at), dayOf(row.at)]) {
            const name = JSON.stringify([row.tenantId, period]);
            const amounts: Partial<Amounts> = more.get(name)?.amounts ?? {};
            amounts[LANE[row.lane]] = (amounts[LANE[row.lane]] ?? 0) + cost;
            more.set(name, { tenantId: row.tenantId, period, amounts });
          }
        }
        for (const name of [...more.keys()].sort()) {
          const entry = more.get(name);
          if (entry !== undefined) await addToPeriods(db, entry.tenantId, [entry.period], entry.amounts);
        }
        for (const [, { tenantId, sessionId, cost }] of [...billed].sort(([a], [b]) => (a < b ? -1 : 1)))
          if (cost !== 0)
            await db()
              .updateTable('sessions')
              .set((to) => ({ billed: to('billed', '+', cost) }))
              .where('tenant_id', '=', tenantId)
              .where('id', '=', sessionId)
              .execute();
      });
    },
    async addTalk(tenantId, sessionId, talkMs, at, part) {
      await within(async () => {
        const talk_ms = part === undefined ? Math.round(talkMs) : await newTalk(tenantId, sessionId, at, part);
        if (talk_ms <= 0) return;
        await addToPeriods(db, tenantId, [dayOf(at), monthOf(at)], { talk_ms });
        await db()
          .updateTable('sessions')
          .set((to) => ({ talk_ms: to('talk_ms', '+', talk_ms) }))
          .where('tenant_id', '=', tenantId)
          .where('id', '=', sessionId)
          .execute();
      });
    },
    async counts(tenantId, periods) {
      if (periods.length === 0) return [];
      const rows = await db()
        .selectFrom('usage_periods')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('period', 'in', periods)
        .execute();
      return periods.map((period) => {
        const row = rows.find((one) => one.period === period) ?? NOTHING;
        return { period, talkMs: row.talk_ms, cost: row.cost_a + row.cost_b + row.cost_c };
      });
    },
    async days(tenantId, from, to) {
      const rows = await db()
        .selectFrom('usage_periods')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('period', '>=', from)
        .where('period', '<', to)
        .execute();
      const days: DayUsage[] = [];
      for (let at = Date.parse(from); at < Date.parse(to); at += DAY_MS) {
        const day = dayOf(at);
        const { sessions, turns, talk_ms, cost_a, cost_b, cost_c } = rows.find((row) => row.period === day) ?? NOTHING;
        const costByLane = { A: cost_a, B: cost_b, C: cost_c };
        days.push({ day, sessions, turns, talkMs: talk_ms, cost: cost_a + cost_b + cost_c, costByLane });
      }
      return days;
    },
    async ofSession(tenantId, sessionId) {
      const rows = await db()
        .selectFrom('usage')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('session_id', '=', sessionId)
        .where('kind', '!=', TALK)
        .orderBy('at')
        .orderBy('id')
        .execute();
      return rows.map(usage);
    },
  };
}
