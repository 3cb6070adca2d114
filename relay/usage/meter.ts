/**
 * Meters every conversation of this process: prices what the provider bills, counts the time,
 * debits budgets ahead and says when one is used up. Figures reach the store every few seconds and
 * never while anybody waits; a store that fails is tried again with the same rows. It ends no
 * conversation: it tells who does.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import {
  createAccount,
  periodsOf,
  SLICE_MS,
  type Account,
  type BudgetLimits,
  type BudgetState,
  type Crossing,
  type Slice,
} from './account.ts';
import { dearMinute, type PriceTable } from './prices.ts';
import { reckon, type BillLine, type ReportedUsage } from './reckon.ts';

/** How often figures are written, in milliseconds: what a crash may lose. */
const WRITE_EVERY_MS = 5_000;
/** Conversations whose time is written together: one transaction costs much more than what is in it, and nobody else gets to run meanwhile. */
const WRITTEN_AT_ONCE = 50;
/** Rows that wait for a store that does not answer; beyond that the oldest are given up. */
const MOST_ROWS = 50_000;
/** Accounts of tenants that nobody talks to are forgotten after this long. */
const FORGET_AFTER_MS = 600_000;

export type Lane = 'A' | 'B' | 'C';

/** As the store keeps it. */
export interface MeteredRow {
  id: string;
  tenantId: string;
  sessionId: string;
  lane: Lane;
  kind: string;
  quantity: number;
  unit: BillLine['unit'];
  cost: number;
  priceDate: string;
  at: number;
}

/** Names a part of a conversation's time, so that it counts once however often it is sent. */
export interface TalkPart {
  /** The process that counted it. */
  run: string;
  /** All that it has counted of this conversation, this part included, in milliseconds. */
  totalMs: number;
}

export interface TalkSpan {
  tenantId: string;
  sessionId: string;
  talkMs: number;
  part: TalkPart;
}

/** What the meter asks of the store. */
export interface MeterRecords {
  /** Each row once, by its id, whatever is sent again. */
  add(rows: readonly MeteredRow[]): Promise<void>;
  /** All of them or none. */
  addTalks(spans: readonly TalkSpan[], at: number): Promise<void>;
  counts(tenantId: string, periods: readonly string[]): Promise<{ period: string; talkMs: number; cost: number }[]>;
}

export interface MeterOptions {
  clock: Clock;
  records: MeterRecords;
  prices: PriceTable;
  /** Writes down what the user says. */
  transcriptionModel: string;
  /** Names this process in the ids of rows: a conversation may go on in another, which counts anew. */
  run?: string;
  limitsOf: (tenantId: string) => Promise<BudgetLimits>;
  /** The provider billed something: what it cost, in millionths of a dollar. */
  onBilled?: (tenantId: string, cost: number) => void;
  /** A budget came to 80, 95 or 100 %: once a period. */
  onCrossing?: (tenantId: string, crossing: Crossing) => void;
  /** For the log: the store failed, rows were given up, a model has no price. */
  onProblem?: (problem: { code: 'store' | 'rows-lost' | 'unknown-model'; detail: string; error?: unknown }) => void;
}

/** What a conversation came to. */
export interface SessionTotals {
  talkMs: number;
  /** Millionths of a dollar. */
  cost: number;
  costByLane: Record<Lane, number>;
}

export interface SessionMeter {
  /** Whether the tenant has a budget that this could use up. */
  readonly isBounded: boolean;
  /** Time counts from now. */
  begin(): void;
  /** Whether a new turn may be answered. */
  mayAnswer(): boolean;
  /** @returns what it cost, in millionths of a dollar. */
  billed(lane: Lane, usage: ReportedUsage): number;
  /** Requests that cost nothing and are counted all the same. */
  moderated(requests: number): void;
  readonly totals: SessionTotals;
  /** Gives back what was debited ahead. Safe to call twice. */
  end(): void;
}

export interface Meter {
  /** At the door. @returns whether the tenant has anything left. */
  admits(tenantId: string): Promise<boolean>;
  /** @param onUsedUp - Called once, when no further slice was to be had. */
  open(session: { tenantId: string; sessionId: string; model: string; onUsedUp: () => void }): SessionMeter;
  /** The tenant's budgets as they stand, with what is not written yet. */
  budgets(tenantId: string): Promise<BudgetState[]>;
  /** Writes what waits, now. */
  flush(): Promise<void>;
  /** Writes what waits and ends the timer. */
  stop(): Promise<void>;
}

interface Ledger {
  account: Account;
  /** When limits and counters were last read; null before. */
  readAt: number | null;
  touchedAt: number;
}

interface Running {
  tenantId: string;
  sessionId: string;
  /** Moves the time that has passed into the account. */
  pass: () => void;
  unwrittenMs: number;
  writtenMs: number;
}

export function createMeter(options: MeterOptions): Meter {
  const { clock, records, prices, onProblem = () => undefined } = options;
  const ledgers = new Map<string, Ledger>();
  const running = new Set<Running>();
  /** Ended, with time that is not written yet. */
  const ended = new Set<Running>();
  const unknown = new Set<string>();
  const run = options.run ?? randomUUID();
  let rows: MeteredRow[] = [];
  let turns = Promise.resolve();
  let isStopped = false;
  let cancelTimer: (() => void) | null = null;

  function ledgerOf(tenantId: string): Ledger {
    let ledger = ledgers.get(tenantId);
    if (!ledger) {
      const limits = { minutesPerDay: null, minutesPerMonth: null, spendPerDay: null, spendPerMonth: null };
      ledger = { account: createAccount(limits), readAt: null, touchedAt: clock.now() };
      ledgers.set(tenantId, ledger);
    }
    ledger.touchedAt = clock.now();
    return ledger;
  }

  /** The limits as they are now, and what other instances have used. */
  async function refresh(tenantId: string, ledger: Ledger): Promise<void> {
    ledger.account.limits = await options.limitsOf(tenantId);
    if (!ledger.account.isBounded) return;
    const at = clock.wallNow();
    const counts = await records.counts(tenantId, periodsOf(at));
    for (const { period, talkMs, cost } of counts) ledger.account.stored(period, { talkMs, cost });
    if (ledger.readAt === null) ledger.account.forgetCrossings(at);
    ledger.readAt = clock.now();
  }

  function tellCrossings(tenantId: string, account: Account): void {
    for (const crossing of account.crossings(clock.wallNow())) options.onCrossing?.(tenantId, crossing);
  }

  function wakeLater(): void {
    if (isStopped || cancelTimer) return;
    cancelTimer = clock.wakeAt(clock.now() + WRITE_EVERY_MS, () => {
      cancelTimer = null;
      void flush().then(() => {
        if (running.size > 0 || rows.length > 0 || ended.size > 0) wakeLater();
      });
    });
  }

  async function writeTalk(some: readonly Running[], at: number): Promise<void> {
    const spans = some.map(({ tenantId, sessionId, unwrittenMs, writtenMs }) => ({
      ...{ tenantId, sessionId, talkMs: unwrittenMs },
      part: { run, totalMs: writtenMs + unwrittenMs },
    }));
    await records.addTalks(spans, at);
    for (const [index, one] of some.entries()) {
      const ms = spans[index]?.talkMs ?? 0;
      one.unwrittenMs -= ms;
      one.writtenMs += ms;
      const { account } = ledgerOf(one.tenantId);
      for (const period of periodsOf(at)) account.written(period, { talkMs: ms, cost: 0 });
    }
  }

  async function write(): Promise<void> {
    for (const one of running) one.pass();
    const now = clock.now();
    for (const [tenantId, { touchedAt }] of ledgers) {
      const isInUse = [...running, ...ended].some((one) => one.tenantId === tenantId);
      if (!isInUse && now - touchedAt > FORGET_AFTER_MS && rows.length === 0) ledgers.delete(tenantId);
    }
    const batch = rows;
    const at = clock.wallNow();
    const touched = new Set<string>();
    if (batch.length > 0) {
      rows = [];
      try {
        await records.add(batch);
      } catch (error) {
        rows = [...batch, ...rows];
        throw error;
      }
      for (const row of batch) {
        touched.add(row.tenantId);
        const { account } = ledgerOf(row.tenantId);
        for (const period of periodsOf(row.at)) account.written(period, { talkMs: 0, cost: row.cost });
      }
    }
    const all = [...running, ...ended];
    for (const { tenantId } of all) touched.add(tenantId);
    const spoken = all.filter(({ unwrittenMs }) => unwrittenMs > 0);
    for (let from = 0; from < spoken.length; from += WRITTEN_AT_ONCE)
      await writeTalk(spoken.slice(from, from + WRITTEN_AT_ONCE), at);
    for (const one of ended) if (one.unwrittenMs === 0) ended.delete(one);
    for (const tenantId of touched) {
      const ledger = ledgerOf(tenantId);
      await refresh(tenantId, ledger);
      tellCrossings(tenantId, ledger.account);
    }
  }

  /** One after the other: a figure read while another is written would count rows twice, or not at all. */
  function inTurn(job: () => Promise<void>, detail: string): Promise<void> {
    turns = turns.then(job).catch((error: unknown) => onProblem({ code: 'store', detail, error }));
    return turns;
  }

  async function flush(): Promise<void> {
    await inTurn(write, 'figures are not written');
    const lost = rows.length - MOST_ROWS;
    if (lost <= 0) return;
    rows = rows.slice(lost);
    onProblem({ code: 'rows-lost', detail: `${lost} rows of usage` });
  }

  return {
    async admits(tenantId) {
      const ledger = ledgerOf(tenantId);
      const isOld = ledger.readAt === null || clock.now() - ledger.readAt > WRITE_EVERY_MS;
      // A store that does not answer turns nobody away: what is known decides, and nothing known is no limit.
      if (isOld) await inTurn(() => refresh(tenantId, ledger), 'budgets are not read');
      return ledger.account.hasRoom(clock.wallNow(), { ms: 0, cost: 0 });
    },
    open({ tenantId, sessionId, model, onUsedUp }) {
      const ledger = ledgerOf(tenantId);
      const { account } = ledger;
      const slicePrice = dearMinute(prices, model);
      const totals: SessionTotals = { talkMs: 0, cost: 0, costByLane: { A: 0, B: 0, C: 0 } };
      const slice: Slice = { ms: 0, cost: 0 };
      let sequence = 0;
      let passedAt: number | null = null;
      let cancelSlice: (() => void) | null = null;
      let isUsedUp = false;

      const one: Running = { tenantId, sessionId, pass, unwrittenMs: 0, writtenMs: 0 };
      function pass(): void {
        if (passedAt === null) return;
        // Whole milliseconds; the rest stays for the next time.
        const ms = Math.floor(clock.now() - passedAt);
        passedAt += ms;
        one.unwrittenMs += ms;
        totals.talkMs += ms;
        account.talked(slice, ms, clock.wallNow());
        ledger.touchedAt = clock.now();
      }
      function usedUp(): void {
        if (isUsedUp) return;
        isUsedUp = true;
        tellCrossings(tenantId, account);
        onUsedUp();
      }
      function nextSlice(): void {
        cancelSlice?.();
        cancelSlice = null;
        if (!account.isBounded) {
          // A budget may be set while somebody talks.
          cancelSlice = clock.wakeAt(clock.now() + SLICE_MS, nextSlice);
          return;
        }
        pass();
        account.giveBack(slice);
        const next = account.take(clock.wallNow(), slicePrice);
        if (next === null) {
          usedUp();
          return;
        }
        Object.assign(slice, next);
        cancelSlice = clock.wakeAt(clock.now() + Math.max(1, next.ms), nextSlice);
      }
      function keep(lane: Lane, line: BillLine): void {
        rows.push({
          ...{
            id: options.run === undefined ? `${sessionId}:${sequence}` : `${sessionId}:${run}:${sequence}`,
            tenantId,
            sessionId,
            lane,
            ...line,
          },
          ...{ priceDate: prices.asOf, at: clock.wallNow() },
        });
        sequence += 1;
        wakeLater();
      }

      return {
        get isBounded() {
          return account.isBounded;
        },
        begin() {
          if (passedAt !== null) return;
          passedAt = clock.now();
          running.add(one);
          wakeLater();
          nextSlice();
        },
        mayAnswer() {
          if (isUsedUp) return false;
          if (!account.isBounded || account.hasRoom(clock.wallNow(), slice)) return true;
          usedUp();
          return false;
        },
        billed(lane, usage) {
          const billedModel = usage.kind === 'response' ? model : options.transcriptionModel;
          const bill = reckon(prices, billedModel, usage);
          if (bill.isGuess && !unknown.has(billedModel)) {
            unknown.add(billedModel);
            onProblem({ code: 'unknown-model', detail: `${billedModel} is priced as the dearest of its family` });
          }
          for (const line of bill.lines) keep(lane, line);
          totals.cost += bill.cost;
          totals.costByLane[lane] += bill.cost;
          options.onBilled?.(tenantId, bill.cost);
          account.spent(slice, bill.cost, clock.wallNow());
          tellCrossings(tenantId, account);
          return bill.cost;
        },
        moderated(requests) {
          if (requests > 0) keep('C', { kind: 'moderation', quantity: requests, unit: 'requests', cost: 0 });
        },
        get totals() {
          pass();
          return { ...totals, costByLane: { ...totals.costByLane } };
        },
        end() {
          pass();
          passedAt = null;
          cancelSlice?.();
          cancelSlice = null;
          account.giveBack(slice);
          if (running.delete(one) && one.unwrittenMs > 0) ended.add(one);
        },
      };
    },
    async budgets(tenantId) {
      for (const one of running) if (one.tenantId === tenantId) one.pass();
      const ledger = ledgerOf(tenantId);
      await inTurn(() => refresh(tenantId, ledger), 'budgets are not read');
      return ledger.account.states(clock.wallNow());
    },
    flush,
    async stop() {
      isStopped = true;
      cancelTimer?.();
      cancelTimer = null;
      await flush();
    },
  };
}
