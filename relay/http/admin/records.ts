/** What happened: conversations, use, what was revoked, and who changed what. */
import type { Revocations } from '../../auth/revocation.ts';
import type { Clock } from '../../clock.ts';
import { RelayError } from '../../errors.ts';
import type { AuditRow, BudgetCount, LimitsRow, SessionRow } from '../../store/records.ts';
import type { Store } from '../../store/store.ts';
import type { Directory } from '../../tenants/directory.ts';
import type { AnswerOf } from '../api/routes.ts';
import type { Ask, Handlers } from './ask.ts';
import { given } from './given.ts';
import { sessionDetail } from './session-detail.ts';
import { subjectTarget } from './subjects.ts';

/** A page of one session's record, as the arbiter's part of the relay keeps it. */
export type ReadRecord = (
  session: string,
  page: { after: number; limit: number },
) => Promise<AnswerOf<'sessionRecord'> | undefined>;

export interface RecordDeps {
  store: Pick<Store, 'sessions' | 'usage' | 'revocations' | 'audit'>;
  directory: Pick<Directory, 'limits'>;
  revocations: Pick<Revocations, 'revoke'>;
  clock: Clock;
  readRecord: ReadRecord;
  /** Ends a session, whichever instance has it. @returns whether there was one. */
  endSession: (tenantId: string, session: string, instance: string) => boolean | Promise<boolean>;
}

type Names =
  | ('sessions' | 'session' | 'sessionRecord' | 'endSession' | 'usage' | 'revocations' | 'revoke')
  | ('audit' | 'verifyAudit' | 'relayAudit' | 'verifyRelayAudit');

const DAY_MS = 86_400_000;
const RECORDS = 2_000;
const LONGEST_SPAN_DAYS = 400;
const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);

export function recordHandlers(deps: RecordDeps): Handlers<Names> {
  const { store, directory, revocations, clock, readRecord } = deps;

  async function sessionOf(tenantId: string, id: string): Promise<SessionRow> {
    const row = await store.sessions.byId(tenantId, id);
    if (row === undefined) throw new RelayError('not-found', 'no such session of this tenant');
    return row;
  }

  async function auditOf(tenantId: string | null, page: Ask['page']): Promise<AnswerOf<'audit'>> {
    const { rows, next } = await store.audit.list(tenantId, page);
    return { rows: rows.map(auditAnswer), ...(next !== undefined && { next }) };
  }

  async function verdictOf(tenantId: string | null): Promise<AnswerOf<'verifyAudit'>> {
    const { entries, brokenAt } = await store.audit.verify(tenantId);
    return { entries, isWhole: brokenAt === undefined, ...(brokenAt !== undefined && { brokenAt }) };
  }

  return {
    async sessions({ tenant, query, page }) {
      const { search, from, to, live } = query;
      const found = given({
        ...{ search: search === '' ? undefined : search, from: from && Number(from), to: to && Number(to) },
        isLive: live && live === 'true',
      });
      return store.sessions.find(tenant.id, { ...page, ...(found as { search?: string }) });
    },
    async session({ tenant, params }) {
      return sessionDetail(store, await sessionOf(tenant.id, params.session));
    },
    async sessionRecord({ tenant, params, query }) {
      const { id } = await sessionOf(tenant.id, params.session);
      const { after = '0', limit = String(RECORDS) } = query;
      const page = await readRecord(id, { after: Number(after), limit: Number(limit) });
      if (page === undefined) throw new RelayError('not-found', 'its record is not here (any more)');
      return page;
    },
    async endSession({ tenant, params, change }) {
      const { id, endedAt, instance } = await sessionOf(tenant.id, params.session);
      const answer = { isEnded: endedAt === null && (await deps.endSession(tenant.id, id, instance)) };
      return change({ action: 'session.end', target: `session:${id}`, payload: answer }, () => Promise.resolve(answer));
    },
    async usage({ tenant, query }) {
      const now = clock.wallNow();
      const from = query.from ?? dayOf(now - 29 * DAY_MS);
      const to = query.to ?? dayOf(now + DAY_MS);
      const span = (Date.parse(to) - Date.parse(from)) / DAY_MS;
      if (!(span > 0 && span <= LONGEST_SPAN_DAYS))
        throw new RelayError('bad-request', 'a span that is none', {
          problems: [{ at: 'to', message: `must be after from, by at most ${LONGEST_SPAN_DAYS} days` }],
        });
      const days = await store.usage.days(tenant.id, from, to);
      const [today, month] = [dayOf(now), dayOf(now).slice(0, 7)];
      const counts = await store.usage.counts(tenant.id, [today, month]);
      const limits = await directory.limits(tenant.id);
      const count = (period: string) => counts.find((one) => one.period === period) ?? { period, talkMs: 0, cost: 0 };
      return {
        days,
        total: sum(days),
        budgets: {
          day: budget(count(today), limits.minutesPerDay, limits.spendPerDay),
          month: budget(count(month), limits.minutesPerMonth, limits.spendPerMonth),
        },
      };
    },
    revocations: ({ tenant, page }) => store.revocations.list(tenant.id, page),
    revoke({ tenant, body, change }) {
      const { kind, value } = body;
      // What names a person is in the payload, which can be erased.
      const target = kind === 'subject' ? subjectTarget(tenant.id, value) : `${kind}:${value}`;
      return change({ action: 'revoke', target, payload: body }, async () => ({
        ...(await revocations.revoke(tenant.id, { kind, value })),
        createdAt: clock.wallNow(),
      }));
    },
    audit: ({ tenant, page }) => auditOf(tenant.id, page),
    verifyAudit: ({ tenant }) => verdictOf(tenant.id),
    relayAudit: ({ page }) => auditOf(null, page),
    verifyRelayAudit: () => verdictOf(null),
  };
}

const auditAnswer = ({ payload, ...row }: AuditRow): AnswerOf<'audit'>['rows'][number] => ({
  ...row,
  payload: payload === null ? null : (JSON.parse(payload) as unknown),
});

type Days = AnswerOf<'usage'>['days'];

function sum(days: Days): AnswerOf<'usage'>['total'] {
  const total = { sessions: 0, turns: 0, talkMs: 0, cost: 0, costByLane: { A: 0, B: 0, C: 0 } };
  for (const { sessions, turns, talkMs, cost, costByLane } of days) {
    total.sessions += sessions;
    total.turns += turns;
    total.talkMs += talkMs;
    total.cost += cost;
    for (const lane of ['A', 'B', 'C'] as const) total.costByLane[lane] += costByLane[lane];
  }
  return total;
}

function budget(
  { period, talkMs, cost }: BudgetCount,
  minutes: LimitsRow['minutesPerDay'],
  spend: LimitsRow['spendPerDay'],
): AnswerOf<'usage'>['budgets']['day'] {
  const share = (part: number, whole: number | null) => (whole === null ? [] : [whole === 0 ? 1 : part / whole]);
  const shares = [...share(talkMs / 60_000, minutes), ...share(cost, spend)];
  const used = shares.length === 0 ? null : Math.max(...shares);
  const state = used === null || used < 0.8 ? 'ok' : used < 0.95 ? 'warned' : used < 1 ? 'nearly' : 'used-up';
  return { period, talkMs, cost, minutes, spend, used, state };
}
