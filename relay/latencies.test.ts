/** Figures over turns of all tenants: what is counted, over which time, and what is said when it is too much. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latenciesOf, MOST_TURNS, percentile } from './latencies.ts';

const NOW = 1_790_000_000_000;
const MINUTE = 60_000;
const turn = (agoMs: number, figures: object = {}, outcome = 'answered') => ({
  ...{ endedAt: NOW - agoMs, outcome, figures: JSON.stringify(figures) },
});
const from = (rows: ReturnType<typeof turn>[]) => ({
  since: (at: number, limit: number) => Promise.resolve(rows.filter(({ endedAt }) => endedAt >= at).slice(0, limit)),
});

describe('how quick conversations were', () => {
  it('is told by lane over five minutes and a day, with what failed and how many there were a minute', async () => {
    const { recent, day } = await latenciesOf(
      from([
        turn(1_000, { first_a_ms: 120, first_b_ms: 300 }),
        turn(2_000, { first_b_ms: 500 }, 'superseded'),
        turn(4 * MINUTE, { first_b_ms: 'soon' }, 'failed'),
        turn(60 * MINUTE, { first_b_ms: 900, first_c_ms: 50 }),
        turn(25 * 60 * MINUTE, { first_b_ms: 9_000 }),
      ]),
      NOW,
    );
    expect(recent).toMatchObject({ from: NOW - 5 * MINUTE, to: NOW, turns: 3, failed: 1, perMinute: 0.6 });
    expect(recent.errorRate).toBeCloseTo(1 / 3);
    expect(recent.lanes).toEqual({
      A: { turns: 1, p50: 120, p95: 120 },
      B: { turns: 2, p50: 300, p95: 500 },
      C: { turns: 0, p50: null, p95: null },
    });
    expect(day).toMatchObject({ from: NOW - 24 * 60 * MINUTE, turns: 4, failed: 1 });
    expect(day.lanes.B).toEqual({ turns: 3, p50: 500, p95: 900 });
  });

  it('is nothing where nobody spoke', async () => {
    const { recent } = await latenciesOf(from([]), NOW);
    expect(recent).toMatchObject({ turns: 0, errorRate: null, perMinute: 0, lanes: { B: { p50: null } } });
  });

  it('covers less than a day where there were more turns than are read, and says so', async () => {
    const { recent, day } = await latenciesOf(
      from(Array.from({ length: MOST_TURNS + 5 }, (_, at) => turn(at * 2))),
      NOW,
    );
    expect(day).toMatchObject({ turns: MOST_TURNS, from: NOW - (MOST_TURNS - 1) * 2 });
    expect(recent.from).toBe(day.from);
  });

  it('has percentiles that are values which were measured: half, or so many, are no larger', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9_999), { minLength: 1 }), fc.constantFrom(0.5, 0.95), (values, share) => {
        const sorted = values.toSorted((a, b) => a - b);
        const found = percentile(sorted, share);
        expect(values).toContain(found);
        expect(values.filter((value) => value <= found!).length).toBeGreaterThanOrEqual(values.length * share);
        expect(values.filter((value) => value < found!).length).toBeLessThan(values.length * share);
      }),
    );
  });
});
