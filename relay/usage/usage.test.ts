/** Prices, bills and the arithmetic of budgets. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAccount, NO_BUDGET, SLICE_MS, type Account, type BudgetLimits, type Slice } from './account.ts';
import { dearMinute, PRICES, priceOf, readPrices } from './prices.ts';
import { reckon, type ReportedUsage } from './reckon.ts';

const usage = (more: Partial<ReportedUsage> = {}): ReportedUsage => ({
  ...{ kind: 'response', inputTextTokens: 0, inputAudioTokens: 0, cachedTextTokens: 0, cachedAudioTokens: 0 },
  ...{ outputTextTokens: 0, outputAudioTokens: 0 },
  ...more,
});

describe('prices', () => {
  it('are found for a model and for its dated snapshots', () => {
    const known = priceOf(PRICES, 'gpt-realtime-2.1', 'speech');
    expect(known).toMatchObject({ isGuess: false, price: { audio: { output: 64 } } });
    expect(priceOf(PRICES, 'gpt-realtime-2.1-2026-10-01', 'speech')).toEqual(known);
  });

  it('of an unknown model are the dearest of its family', () => {
    expect(priceOf(PRICES, 'gpt-unheard-of', 'speech')).toMatchObject({
      isGuess: true,
      price: { text: { output: 24 }, audio: { output: 64 } },
    });
    expect(priceOf(PRICES, 'gpt-live-transcribe', 'transcription')).toEqual({
      isGuess: true,
      price: { by: 'minute', minute: 0.017 },
    });
    expect(priceOf({ asOf: '2026-01-01', models: {} }, 'x', 'speech')).toMatchObject({ isGuess: true });
  });

  it('can be an operator’s own, with the date that they are of', () => {
    const own = readPrices('{"asOf":"2027-02-03","models":{"gpt-realtime-2.1":{"by":"minute","minute":0.2}}}');
    expect(own.asOf).toBe('2027-02-03');
    expect(priceOf(own, 'gpt-realtime-2.1', 'speech').price).toEqual({ by: 'minute', minute: 0.2 });
    expect(priceOf(own, 'gpt-realtime-2', 'speech').isGuess).toBe(false);
  });

  it.each([
    ['{"asOf":"soon","models":{}}', /asOf: must be a date/],
    ['{"asOf":"2027-02-03","models":{"a":{"by":"minute","minute":-1}}}', /models\.a\.minute/],
    ['[]', /prices|asOf/],
  ])('are refused with the place that is wrong: %s', (json, place) => {
    expect(() => readPrices(json)).toThrow(place);
  });
});

describe('a bill', () => {
  it('counts what was cached at its own price and the rest in full', () => {
    const bill = reckon(
      PRICES,
      'gpt-realtime-2.1',
      usage({ inputTextTokens: 1_000, cachedTextTokens: 640, inputAudioTokens: 300, cachedAudioTokens: 128 }),
    );
    // 360 × 4 + 640 × 0.4 + 172 × 32 + 128 × 0.4 millionths of a dollar
    expect(bill).toEqual({
      isGuess: false,
      cost: 1_440 + 256 + 5_504 + 51,
      lines: [
        { kind: 'text.input', quantity: 360, unit: 'tokens', cost: 1_440 },
        { kind: 'text.cached', quantity: 640, unit: 'tokens', cost: 256 },
        { kind: 'audio.input', quantity: 172, unit: 'tokens', cost: 5_504 },
        { kind: 'audio.cached', quantity: 128, unit: 'tokens', cost: 51 },
      ],
    });
  });

  it('of a transcription is by the time it lasted, told or counted in tokens', () => {
    const told = reckon(PRICES, 'gpt-transcribe', usage({ kind: 'transcription', seconds: 20 }));
    expect(told.lines).toEqual([{ kind: 'transcription', quantity: 20, unit: 'seconds', cost: 1_500 }]);
    const counted = reckon(PRICES, 'gpt-transcribe', usage({ kind: 'transcription', inputAudioTokens: 195 }));
    expect(counted).toEqual(told);
  });

  it('by time from a model priced by tokens is of its sound and its words', () => {
    const bill = reckon(PRICES, 'gpt-4o-transcribe', usage({ kind: 'transcription', seconds: 2 }));
    expect(bill.cost).toBe(2 * (10 * 6 + 5 * 10));
  });

  it('is never less than nothing, whatever a provider reports', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e6), fc.nat(1e6), (input, cached, output) => {
        const odd = usage({ inputAudioTokens: input, cachedAudioTokens: cached, outputTextTokens: output });
        const { lines, cost } = reckon(PRICES, 'gpt-realtime-2.1-mini', odd);
        expect(lines.every((line) => line.cost >= 0 && line.quantity > 0)).toBe(true);
        expect(cost).toBe(lines.reduce((sum, line) => sum + line.cost, 0));
      }),
    );
  });
});

const NOON = Date.parse('2026-11-23T12:00:00Z');

describe('an account', () => {
  const account = (limits: Partial<BudgetLimits>) => createAccount({ ...NO_BUDGET, ...limits });

  it('promises the same minute to nobody twice', () => {
    const shared = account({ minutesPerDay: 2.5 });
    const slices = [1, 2, 3, 4].map(() => shared.take(NOON, 0)?.ms);
    expect(slices).toEqual([60_000, 60_000, 30_000, undefined]);
  });

  it('lets go of what was not used', () => {
    const shared = account({ minutesPerMonth: 1 });
    const slice = shared.take(NOON, 0)!;
    shared.talked(slice, 20_000, NOON);
    expect(shared.hasRoom(NOON, { ms: 0, cost: 0 })).toBe(false);
    expect(shared.hasRoom(NOON, slice)).toBe(true);
    shared.giveBack(slice);
    expect(shared.take(NOON, 0)?.ms).toBe(40_000);
  });

  it('begins a new day and a new month with nothing used', () => {
    const shared = account({ minutesPerDay: 1, spendPerMonth: 100 });
    const slice = shared.take(NOON, 100)!;
    shared.talked(slice, 60_000, NOON);
    shared.spent(slice, 100, NOON);
    expect(shared.take(NOON, 0)).toBeNull();
    expect(shared.take(NOON + 86_400_000, 0)).toBeNull();
    expect(shared.take(Date.parse('2026-12-01T00:00:00Z'), 10)).toEqual({ ms: 60_000, cost: 10 });
  });

  it('counts what others wrote to the store, and its own only once', () => {
    const shared = account({ spendPerDay: 1_000 });
    shared.stored('2026-11-23', { talkMs: 0, cost: 600 });
    const slice = shared.take(NOON, 300)!;
    shared.spent(slice, 300, NOON);
    shared.written('2026-11-23', { talkMs: 0, cost: 300 });
    shared.stored('2026-11-23', { talkMs: 0, cost: 900 });
    expect(shared.states(NOON)).toEqual([
      { kind: 'spend', span: 'day', period: '2026-11-23', used: 900, limit: 1_000 },
    ]);
  });

  it('tells of 80, 95 and 100 % once each a period', () => {
    const shared = account({ minutesPerDay: 10 });
    const slice = { ms: 0, cost: 0 };
    const percents = [7.9, 0.1, 0.5, 1, 0.4, 0.1, 1].map((minutes) => {
      shared.talked(slice, minutes * 60_000, NOON);
      return shared.crossings(NOON).map(({ percent }) => percent);
    });
    expect(percents).toEqual([[], [80], [], [95], [], [100], []]);
    expect(shared.crossings(NOON + 86_400_000)).toEqual([]);
    shared.talked(slice, 600_000, NOON + 86_400_000);
    expect(shared.crossings(NOON + 86_400_000).map(({ percent }) => percent)).toEqual([80, 95, 100]);
  });

  it('forgets counters of days that are long over', () => {
    const shared = account({ minutesPerDay: 1 });
    for (let day = 1; day <= 28; day += 1)
      shared.stored(`2026-11-${String(day).padStart(2, '0')}`, { talkMs: 60_000, cost: 0 });
    expect(shared.take(Date.parse('2026-11-28T00:00:00Z'), 0)).toBeNull();
    expect(shared.take(Date.parse('2026-11-02T00:00:00Z'), 0)).not.toBeNull();
  });
});

describe('budgets, over any order of what conversations do at once', () => {
  type Step =
    { is: 'begin' | 'end'; who: number } | { is: 'talk'; who: number; ms: number } | { is: 'bill'; who: number };
  const who = fc.nat(5);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ is: fc.constant('begin' as const), who }),
    fc.record({ is: fc.constant('end' as const), who }),
    fc.record({ is: fc.constant('talk' as const), who, ms: fc.integer({ min: 1, max: SLICE_MS }) }),
    fc.record({ is: fc.constant('bill' as const), who }),
  );
  const PER_ANSWER = 900;

  /** Conversations that talk only within the slice they hold, and are answered only while there is room. */
  function run(shared: Account, steps: Step[]): { talkMs: number; cost: number; most: number } {
    const live = new Map<number, Slice>();
    const sum = { talkMs: 0, cost: 0, most: 0 };
    for (const one of steps) {
      const slice = live.get(one.who);
      if (one.is === 'begin' && !slice) {
        const first = shared.take(NOON, 2_000);
        if (first) live.set(one.who, first);
      } else if (one.is === 'talk' && slice) {
        const ms = Math.min(one.ms, slice.ms);
        shared.talked(slice, ms, NOON);
        sum.talkMs += ms;
        if (slice.ms === 0) {
          shared.giveBack(slice);
          const next = shared.take(NOON, 2_000);
          if (next) Object.assign(slice, next);
          else live.delete(one.who);
        }
      } else if (one.is === 'bill' && slice && shared.hasRoom(NOON, slice)) {
        shared.spent(slice, PER_ANSWER, NOON);
        sum.cost += PER_ANSWER;
      } else if (one.is === 'end' && slice) {
        shared.giveBack(slice);
        live.delete(one.who);
      }
      sum.most = Math.max(sum.most, live.size);
    }
    return sum;
  }

  it('minutes are never overrun, and money by no more than one answer of each', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 300 }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20_000 }),
        (steps, minutes, spend) => {
          const shared = createAccount({ ...NO_BUDGET, minutesPerDay: minutes, spendPerMonth: spend });
          const { talkMs, cost, most } = run(shared, steps);
          expect(talkMs).toBeLessThanOrEqual(minutes * 60_000);
          expect(cost).toBeLessThanOrEqual(spend + most * PER_ANSWER);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('instances that see each other late overrun by no more than a slice for each conversation', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1), step, fc.boolean()), { maxLength: 200 }),
        fc.integer({ min: 0, max: 6 }),
        (steps, minutes) => {
          const limits = { ...NO_BUDGET, minutesPerDay: minutes };
          const both = [createAccount(limits), createAccount(limits)] as const;
          const live = new Map<string, Slice>();
          let used = 0;
          let most = 0;
          const [day] = ['2026-11-23'];
          const tellAll = () => {
            for (const one of both) {
              one.written(day, { talkMs: 0, cost: 0 });
              one.stored(day, { talkMs: used, cost: 0 });
            }
          };
          const unwritten = [0, 0];
          for (const [at, one, isWritten] of steps) {
            const shared = both[at]!;
            const name = `${at} ${one.who}`;
            const slice = live.get(name);
            if (one.is === 'begin' && !slice) {
              const first = shared.take(NOON, 0);
              if (first) live.set(name, first);
            } else if (one.is === 'talk' && slice) {
              const ms = Math.min(one.ms, slice.ms);
              shared.talked(slice, ms, NOON);
              unwritten[at]! += ms;
              used += ms;
              if (slice.ms === 0) {
                shared.giveBack(slice);
                // The figures are read before a slice is taken.
                for (const index of [0, 1] as const) {
                  both[index].written(day, { talkMs: unwritten[index]!, cost: 0 });
                  unwritten[index] = 0;
                }
                tellAll();
                const next = shared.take(NOON, 0);
                if (next) Object.assign(slice, next);
                else live.delete(name);
              }
            } else if (one.is === 'end' && slice && isWritten) {
              shared.giveBack(slice);
              live.delete(name);
            }
            most = Math.max(most, live.size);
          }
          expect(used).toBeLessThanOrEqual(minutes * 60_000 + most * SLICE_MS);
        },
      ),
      { numRuns: 300 },
    );
  });
});

it('a minute of the dearest model is both sides speaking all of it', () => {
  expect(dearMinute(PRICES, 'gpt-realtime-2.1')).toBe(600 * 32 + 1_200 * 64);
});
