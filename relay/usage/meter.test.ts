/** The meter and the writer behind it, with a store that a test holds in its hands. */
import { beforeEach, describe, expect, it } from 'vitest';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { NO_BUDGET, type BudgetLimits, type Crossing } from './account.ts';
import { createMeter, type Meter, type MeteredRow } from './meter.ts';
import { PRICES } from './prices.ts';
import { createJournal } from './journal.ts';

const ANSWER = {
  ...{ kind: 'response' as const, inputTextTokens: 0, inputAudioTokens: 0, cachedTextTokens: 0 },
  ...{ cachedAudioTokens: 0, outputTextTokens: 0, outputAudioTokens: 100 },
};
let clock: VirtualClock;
let limits: BudgetLimits;
let rows: MeteredRow[];
let talk: number;
let fails: boolean;
let asked: number;
let crossings: Crossing[];
let problems: string[];
let meter: Meter;

beforeEach(() => {
  clock = virtualClock();
  limits = { ...NO_BUDGET };
  [rows, talk, fails, asked, crossings, problems] = [[], 0, false, 0, [], []];
  const work = <T>(value: T) => (fails ? Promise.reject(new Error('locked')) : Promise.resolve(value));
  meter = createMeter({
    ...{ clock, prices: PRICES, transcriptionModel: 'gpt-transcribe' },
    limitsOf: () => Promise.resolve(limits),
    records: {
      async add(more) {
        await work(null);
        for (const row of more) if (!rows.some(({ id }) => id === row.id)) rows.push(row);
      },
      async addTalks(spans) {
        await work(null);
        for (const { talkMs } of spans) talk += talkMs;
      },
      counts(_tenant, periods) {
        asked += 1;
        const cost = rows.reduce((sum, row) => sum + row.cost, 0);
        return work(periods.map((period) => ({ period, talkMs: talk, cost })));
      },
    },
    onCrossing: (_, crossing) => crossings.push(crossing),
    onProblem: ({ code }) => problems.push(code),
  });
});
const open = (onUsedUp = () => undefined as void, model = 'gpt-realtime-2.1') =>
  meter.open({ tenantId: 't', sessionId: 's', model, onUsedUp });
/** Time passes, and what wakes in it is done. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    clock.advance(Math.min(left, 1_000));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('the meter', () => {
  it('writes every few seconds, each row once, and time as it passed', async () => {
    const session = open();
    session.begin();
    session.begin();
    session.billed('B', ANSWER);
    session.moderated(3);
    session.moderated(0);
    await pass(12_000);
    expect(rows.map(({ id, lane, cost, unit }) => [id, lane, cost, unit])).toEqual([
      ['s:0', 'B', 6_400, 'tokens'],
      ['s:1', 'C', 0, 'requests'],
    ]);
    expect(talk).toBe(10_000);
    session.end();
    session.end();
    await meter.stop();
    expect(talk).toBe(12_000);
    expect(session.totals).toEqual({ talkMs: 12_000, cost: 6_400, costByLane: { A: 0, B: 6_400, C: 0 } });
    expect(clock.pending).toBe(0);
  });

  it('loses nothing to a store that fails for a while, and lets everybody talk on', async () => {
    limits = { ...NO_BUDGET, spendPerDay: 1_000_000 };
    fails = true;
    expect(await meter.admits('t')).toBe(true);
    const session = open();
    session.begin();
    session.billed('B', ANSWER);
    await pass(20_000);
    session.billed('A', ANSWER);
    expect(session.mayAnswer()).toBe(true);
    expect(problems).toContain('store');
    fails = false;
    await pass(6_000);
    session.end();
    await meter.stop();
    expect(rows.map(({ id }) => id)).toEqual(['s:0', 's:1']);
    expect(talk).toBe(26_000);
  });

  it('says once when a budget is used up, and admits nobody until the limit is raised', async () => {
    limits = { ...NO_BUDGET, spendPerDay: 10_000 };
    await meter.admits('t');
    let told = 0;
    const session = open(() => void (told += 1));
    expect(session.isBounded).toBe(true);
    session.begin();
    expect(session.mayAnswer()).toBe(true);
    session.billed('B', ANSWER);
    expect(session.mayAnswer()).toBe(true);
    session.billed('B', ANSWER);
    expect(session.mayAnswer()).toBe(false);
    expect(session.mayAnswer()).toBe(false);
    expect(told).toBe(1);
    expect(crossings.map(({ percent }) => percent)).toEqual([80, 95, 100]);
    await pass(6_000);
    expect(await meter.admits('t')).toBe(false);
    expect(await meter.budgets('t')).toMatchObject([{ kind: 'spend', used: 12_800, limit: 10_000 }]);
    limits = { ...NO_BUDGET, spendPerDay: 20_000 };
    await pass(6_000);
    expect(await meter.admits('t')).toBe(true);
    session.end();
    await meter.stop();
  });

  it('sees what other instances use, and tells of no warning that was another’s', async () => {
    limits = { ...NO_BUDGET, minutesPerMonth: 10 };
    talk = 9 * 60_000;
    expect(await meter.admits('t')).toBe(true);
    expect(crossings).toEqual([]);
    let isOut = false;
    const session = open(() => void (isOut = true));
    session.begin();
    talk += 60_000;
    await pass(61_000);
    expect(isOut).toBe(true);
    session.end();
    await meter.stop();
  });

  it('notices a budget that is set while somebody talks', async () => {
    let isOut = false;
    const session = open(() => void (isOut = true));
    session.begin();
    limits = { ...NO_BUDGET, minutesPerDay: 2 };
    await pass(130_000);
    expect(isOut).toBe(true);
    expect(talk).toBeGreaterThanOrEqual(120_000);
    session.end();
    await meter.stop();
  });

  it('prices a model that it does not know as the dearest, and says so once', async () => {
    const session = open(undefined, 'gpt-unheard-of');
    expect(session.billed('B', ANSWER)).toBe(6_400);
    session.billed('B', ANSWER);
    expect(problems).toEqual(['unknown-model']);
    await meter.stop();
  });

  it('asks the store no more often than it must', async () => {
    limits = { ...NO_BUDGET, minutesPerDay: 10 };
    for (let knock = 0; knock < 50; knock += 1) await meter.admits('t');
    expect(asked).toBe(1);
  });
});

describe('writes behind', () => {
  it('are done in order, again when they fail, and given up when they fail too often', async () => {
    const done: string[] = [];
    const lost: string[] = [];
    let failures = 2;
    const queue = createJournal<string>({
      clock,
      async write(what) {
        if (what === 'bad') throw new Error('never');
        if (what === 'one' && failures-- > 0) throw new Error('busy');
        done.push(what);
      },
      onProblem: ({ lost: count }) => {
        if (count > 0) lost.push('bad');
      },
    });
    for (const what of ['one', 'bad', 'two']) queue.add(what);
    expect(queue.waiting).toBe(3);
    await pass(300_000);
    await queue.settled();
    expect(done).toEqual(['one', 'two']);
    expect(lost).toEqual(['bad']);
  });

  it('are bounded, and at the end are tried without waiting', async () => {
    const lost: string[] = [];
    const queue = createJournal<string>({
      ...{ clock, most: 2 },
      write: () => Promise.reject(new Error('down')),
      onProblem: ({ what, lost: count }) => {
        if (count > 0) lost.push(what);
      },
    });
    for (const what of ['a', 'b', 'c', 'd']) queue.add(what);
    await new Promise((resolve) => setImmediate(resolve));
    await queue.stop();
    expect(lost).toEqual(['full', 'write', 'write']);
    expect(queue.waiting).toBe(0);
    expect(clock.pending).toBe(0);
  });
});
