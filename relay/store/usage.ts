/** What was used and what it cost: every event once, and counters that grow with them. */
import { sql, type RawBuilder, type Selectable } from 'kysely';
import { written, type Database } from './database.ts';
import type { DayUsage, TalkSpan, UsageRecords, UsageRow } from './records.ts';
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

/** Rows in one statement: each has ten parameters, and a database allows some ten thousand. */
const ROWS_AT_ONCE = 200;

function* chunksOf<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

function byTenant<T extends { tenantId: string }>(all: readonly T[]): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(one.tenantId);
    if (group) group.push(one);
    else groups.set(one.tenantId, [one]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The value of each id, for one statement about all of them. */
const valueById = (values: ReadonlyMap<string, number>, otherwise: RawBuilder<number>) =>
  sql<number>`(case id ${sql.join(
    [...values].map(([id, value]) => sql`when ${id} then ${value}`),
    sql` `,
  )} else ${otherwise} end)`;

export function createUsage({ db, within, dialect }: Database): UsageRecords {
  /** What was not counted before, by session. In a transaction, in which nobody else counts the same. */
  async function newTalk(tenantId: string, parts: readonly TalkSpan[], at: number): Promise<Map<string, number>> {
    const more = new Map<string, number>();
    const counted = new Map<string, { sessionId: string; total: number }>();
    for (const { sessionId, talkMs, part } of parts) {
      if (part === undefined) more.set(sessionId, (more.get(sessionId) ?? 0) + Math.round(talkMs));
      else counted.set(`${sessionId}:${TALK}:${part.run}`, { sessionId, total: Math.round(part.totalMs) });
    }
    const ids = [...counted.keys()].sort();
    if (ids.length === 0) return more;
    const nothing = { lane: 'B', kind: TALK, quantity: 0, unit: 'ms', cost: 0, price_date: '', at };
    await written(() =>
      db()
        .insertInto('usage')
        .values(
          ids.map((id) => ({ tenant_id: tenantId, id, session_id: counted.get(id)?.sessionId ?? '', ...nothing })),
        )
        .onConflict((on) => on.columns(['tenant_id', 'id']).doNothing())
        .execute(),
    );
    let rows = db()
      .selectFrom('usage')
      .select(['id', 'quantity'])
      .where('tenant_id', '=', tenantId)
      .where('id', 'in', ids)
      .orderBy('id');
    if (dialect === 'postgres') rows = rows.forUpdate();
    const changed = new Map<string, number>();
    for (const { id, quantity } of await rows.execute()) {
      const { sessionId = '', total = 0 } = counted.get(id) ?? {};
      if (total <= quantity) continue;
      changed.set(id, total);
      more.set(sessionId, (more.get(sessionId) ?? 0) + total - quantity);
    }
    if (changed.size > 0)
      await db()
        .updateTable('usage')
        .set({ quantity: valueById(changed, sql.ref('quantity')), at })
        .where('tenant_id', '=', tenantId)
        .where('id', 'in', [...changed.keys()])
        .execute();
    return more;
  }

  /** @returns those that were not there before, each once. */
  async function addNew(tenantId: string, rows: readonly UsageRow[]): Promise<UsageRow[]> {
    const byId = new Map(rows.map((row) => [row.id, row]));
    const added: UsageRow[] = [];
    // In one order: two that add the same never wait for each other.
    for (const some of chunksOf([...byId.keys()].sort(), ROWS_AT_ONCE)) {
      const values = some.flatMap((id) => {
        const row = byId.get(id);
        if (row === undefined) return [];
        const { sessionId, lane, kind, quantity, unit, cost, priceDate, at } = row;
        const bill = { quantity, unit, cost: Math.round(cost), price_date: priceDate, at };
        return [{ tenant_id: tenantId, id, session_id: sessionId, lane, kind, ...bill }];
      });
      const ids = await written(() =>
        db()
          .insertInto('usage')
          .values(values)
          .onConflict((on) => on.columns(['tenant_id', 'id']).doNothing())
          .returning('id')
          .execute(),
      );
      for (const { id } of ids) {
        const row = byId.get(id);
        if (row !== undefined) added.push(row);
      }
    }
    return added;
  }

  const records: UsageRecords = {
    async add(rows) {
      await within(async () => {
        /** What is new, by tenant and period. */
        const more = new Map<string, { tenantId: string; period: string; amounts: Partial<Amounts> }>();
        const billed = new Map<string, { tenantId: string; sessionId: string; cost: number }>();
        for (const [tenantId, ofTenant] of byTenant(rows))
          for (const row of await addNew(tenantId, ofTenant)) {
            const cost = Math.round(row.cost);
            const of = JSON.stringify([tenantId, row.sessionId]);
            billed.set(of, { ...row, cost: (billed.get(of)?.cost ?? 0) + cost });
            for (const period of [monthOf(row.at), dayOf(row.at)]) {
              const name = JSON.stringify([tenantId, period]);
              const amounts: Partial<Amounts> = more.get(name)?.amounts ?? {};
              amounts[LANE[row.lane]] = (amounts[LANE[row.lane]] ?? 0) + cost;
              more.set(name, { tenantId, period, amounts });
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
    addTalk: (tenantId, sessionId, talkMs, at, part) =>
      records.addTalks([{ tenantId, sessionId, talkMs, ...(part && { part }) }], at),
    async addTalks(spans, at) {
      await within(async () => {
        const all: { tenantId: string; more: Map<string, number> }[] = [];
        for (const [tenantId, ofTenant] of byTenant(spans))
          for (const some of chunksOf(ofTenant, ROWS_AT_ONCE))
            all.push({ tenantId, more: await newTalk(tenantId, some, at) });
        // Counters before conversations, here as everywhere.
        for (const { tenantId, more } of all) {
          const talk_ms = [...more.values()].reduce((sum, ms) => sum + ms, 0);
          if (talk_ms > 0) await addToPeriods(db, tenantId, [dayOf(at), monthOf(at)], { talk_ms });
        }
        for (const { tenantId, more } of all) {
          const grown = new Map([...more].filter(([, ms]) => ms > 0).sort(([a], [b]) => (a < b ? -1 : 1)));
          if (grown.size > 0)
            await db()
              .updateTable('sessions')
              .set((to) => ({ talk_ms: to('talk_ms', '+', valueById(grown, sql`0`)) }))
              .where('tenant_id', '=', tenantId)
              .where('id', 'in', [...grown.keys()])
              .execute();
        }
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
  return records;
}
