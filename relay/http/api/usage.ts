/** What conversations used and cost. */
import * as v from 'valibot';
import { Count, Day, Money } from './common.ts';

export const UsageQuery = v.object({
  /** From this day; 30 days back without it. At most 400 days. */
  from: v.optional(Day),
  /** To before this day; tomorrow without it. */
  to: v.optional(Day),
});
const figures = {
  sessions: Count,
  turns: Count,
  talkMs: v.number(),
  cost: Money,
  costByLane: v.object({ A: Money, B: Money, C: Money }),
};
export const DayUsage = v.object({ day: Day, ...figures });
export const Budget = v.object({
  /** `2026-11-23` or `2026-11`. */
  period: v.string(),
  talkMs: v.number(),
  cost: Money,
  /** Null is no limit. */
  minutes: v.nullable(v.number()),
  spend: v.nullable(v.number()),
  /** The larger share of what is used, 1 being all; null without a limit. */
  used: v.nullable(v.number()),
  state: v.picklist(['ok', 'warned', 'nearly', 'used-up']),
});
export const UsageAnswer = v.object({
  /** Each day once, also those without use. */
  days: v.array(DayUsage),
  total: v.object(figures),
  /** Of today and of this month, whatever days were asked for. */
  budgets: v.object({ day: Budget, month: Budget }),
});
