/**
 * What a tenant may still use, as arithmetic: counters by day and month (UTC), what live
 * conversations have debited ahead, and when a warning is due. Pure: time comes in as wall-clock
 * milliseconds, the store's figures as numbers.
 *
 * A conversation debits a slice before it goes on, so that of all that talk at once none can use
 * what another has been promised: minutes are never overrun, and money by no more than what the
 * conversations under way cost within the slice they hold.
 */

/** How much is debited ahead, in milliseconds of conversation. */
export const SLICE_MS = 60_000;

/** Null is no limit. Money in millionths of a dollar. */
export interface BudgetLimits {
  minutesPerDay: number | null;
  minutesPerMonth: number | null;
  spendPerDay: number | null;
  spendPerMonth: number | null;
}

export const NO_BUDGET: BudgetLimits = {
  ...{ minutesPerDay: null, minutesPerMonth: null, spendPerDay: null, spendPerMonth: null },
};

export interface Used {
  talkMs: number;
  cost: number;
}

/** Of what there is a budget. */
export type BudgetKind = 'minutes' | 'spend';
export type BudgetSpan = 'day' | 'month';

/** One of a tenant's budgets as it stands; minutes in milliseconds, money in millionths of a dollar. */
export interface BudgetState {
  kind: BudgetKind;
  span: BudgetSpan;
  /** `2026-11-23` or `2026-11`. */
  period: string;
  used: number;
  limit: number;
}

/** A budget has come to this share; each is told once a period. */
export interface Crossing extends BudgetState {
  percent: 80 | 95 | 100;
}

const LEVELS = [80, 95, 100] as const;

/** Debited ahead by one conversation. */
export interface Slice {
  ms: number;
  cost: number;
}

export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
export const monthOf = (at: number): string => dayOf(at).slice(0, 7);
/** The counters that a moment belongs to. */
export const periodsOf = (at: number): [day: string, month: string] => [dayOf(at), monthOf(at)];

export interface Account {
  limits: BudgetLimits;
  /** Whether anything is limited at all. */
  readonly isBounded: boolean;
  /** The store's figures of a period, which hold everything but what is told `pending`. */
  stored(period: string, used: Used): void;
  /**
   * Debits a slice of up to {@link SLICE_MS} and `cost`.
   *
   * @returns null when nothing is left, or when others hold all that is.
   */
  take(at: number, cost: number): Slice | null;
  /** Whether something is left, others' slices aside and one's own included. */
  hasRoom(at: number, own: Slice): boolean;
  /** Time of a conversation has passed. */
  talked(slice: Slice, ms: number, at: number): void;
  /** The provider has billed. */
  spent(slice: Slice, cost: number, at: number): void;
  /** Gives back what was not used. */
  giveBack(slice: Slice): void;
  /** What was used of these has reached the store. */
  written(period: string, used: Used): void;
  states(at: number): BudgetState[];
  /** Levels come to since the last call. */
  crossings(at: number): Crossing[];
  /** What was come to before this process looked was told by another. */
  forgetCrossings(at: number): void;
}

export function createAccount(limits: BudgetLimits): Account {
  const inStore = new Map<string, Used>();
  const pending = new Map<string, Used>();
  const held: Used = { talkMs: 0, cost: 0 };
  const told = new Set<string>();

  const add = (to: Map<string, Used>, period: string, talkMs: number, cost: number) => {
    const now = to.get(period) ?? { talkMs: 0, cost: 0 };
    to.set(period, { talkMs: now.talkMs + talkMs, cost: now.cost + cost });
  };
  const usedIn = (period: string, field: keyof Used) =>
    (inStore.get(period)?.[field] ?? 0) + (pending.get(period)?.[field] ?? 0);

  function states(at: number): BudgetState[] {
    const [day, month] = periodsOf(at);
    const of = (kind: BudgetKind, span: BudgetSpan, most: number | null): BudgetState[] => {
      if (most === null) return [];
      const period = span === 'day' ? day : month;
      const used = usedIn(period, kind === 'minutes' ? 'talkMs' : 'cost');
      return [{ kind, span, period, used, limit: kind === 'minutes' ? most * 60_000 : most }];
    };
    const { minutesPerDay, minutesPerMonth, spendPerDay, spendPerMonth } = account.limits;
    return [
      ...of('minutes', 'day', minutesPerDay),
      ...of('minutes', 'month', minutesPerMonth),
      ...of('spend', 'day', spendPerDay),
      ...of('spend', 'month', spendPerMonth),
    ];
  }
  const heldOf = (kind: BudgetKind) => (kind === 'minutes' ? held.talkMs : held.cost);

  const account: Account = {
    limits,
    get isBounded() {
      return Object.values(account.limits).some((limit) => limit !== null);
    },
    stored(period, used) {
      inStore.set(period, used);
      // What is long over is of no use to anybody.
      for (const old of inStore.keys()) if (inStore.size > 8 && old < period) inStore.delete(old);
    },
    take(at, cost) {
      let ms = SLICE_MS;
      let money = cost;
      for (const state of states(at)) {
        const left = state.limit - state.used - heldOf(state.kind);
        if (left <= 0) return null;
        if (state.kind === 'minutes') ms = Math.min(ms, left);
        else money = Math.min(money, left);
      }
      held.talkMs += ms;
      held.cost += money;
      return { ms, cost: money };
    },
    hasRoom(at, own) {
      return states(at).every(({ kind, limit, used }) => {
        const mine = kind === 'minutes' ? own.ms : own.cost;
        return limit - used - heldOf(kind) + mine > 0;
      });
    },
    talked(slice, ms, at) {
      const ahead = Math.min(slice.ms, ms);
      slice.ms -= ahead;
      held.talkMs -= ahead;
      for (const period of periodsOf(at)) add(pending, period, ms, 0);
    },
    spent(slice, cost, at) {
      const ahead = Math.min(slice.cost, cost);
      slice.cost -= ahead;
      held.cost -= ahead;
      for (const period of periodsOf(at)) add(pending, period, 0, cost);
    },
    giveBack(slice) {
      held.talkMs -= slice.ms;
      held.cost -= slice.cost;
      slice.ms = 0;
      slice.cost = 0;
    },
    written(period, used) {
      add(pending, period, -used.talkMs, -used.cost);
      add(inStore, period, used.talkMs, used.cost);
      const left = pending.get(period);
      if (left?.talkMs === 0 && left.cost === 0) pending.delete(period);
    },
    states,
    crossings(at) {
      const found: Crossing[] = [];
      for (const state of states(at)) {
        for (const percent of LEVELS) {
          const name = `${state.kind} ${state.period} ${percent}`;
          if (state.used * 100 < state.limit * percent || told.has(name)) continue;
          told.add(name);
          found.push({ ...state, percent });
        }
      }
      return found;
    },
    forgetCrossings(at) {
      account.crossings(at);
    },
  };
  return account;
}
