import { DEFAULT_CONFIG } from '#arbiter';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENTS, recordOf } from '../../testing/record.ts';
import { babble } from '../../../arbiter/testing/conversation.ts';
import { replay } from './replay.ts';
import { timelineOf } from './timeline.ts';

describe('a timeline', () => {
  const { spans, marks, latencies, endMs } = timelineOf(recordOf(EVENTS));
  const of = (row: string) => spans.filter((span) => span.row === row);

  it('has a bar for each time somebody spoke', () => {
    expect(of('you').map(({ fromMs, toMs, at }) => [fromMs, toMs, at])).toEqual([
      [400, 800, 2],
      [2_000, 2_600, 9],
    ]);
  });

  it('has the answer from its first sound to where it was cut, and the hold before that', () => {
    expect(of('B').map(({ kind, fromMs, toMs }) => [kind, fromMs, toMs])).toEqual([
      ['sound', 1_200, 2_300],
      ['hold', 2_000, 2_300],
    ]);
    expect(marks).toContainEqual({ row: 'B', kind: 'kill', atMs: 2_300, label: 'interrupt', at: 10 });
  });

  it('has functions, ends of turns and what policy stopped', () => {
    expect(of('tools').map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([[2_950, 3_400]]);
    expect(marks.filter(({ kind }) => kind === 'turn').map(({ label, atMs }) => [label, atMs])).toEqual([
      ['t1', 1_000],
      ['t2', 2_800],
    ]);
    expect(marks).toContainEqual({ row: 'policy', kind: 'policy', atMs: 3_600, label: 'disallowed', at: 17 });
  });

  it('says how long the answer took after the turn, once a turn and lane', () => {
    expect(latencies).toContainEqual({ lane: 'B', fromMs: 1_000, toMs: 1_200 });
    expect(latencies.filter(({ lane }) => lane === 'B')).toHaveLength(1);
  });

  it('ends with the record, and whatever still sounded ends there', () => {
    expect(endMs).toBe(9_000);
    expect(timelineOf(recordOf(EVENTS.slice(0, 3))).spans).toEqual([
      { row: 'you', kind: 'sound', fromMs: 400, toMs: 400, at: 2 },
    ]);
    expect(timelineOf([])).toEqual({ spans: [], marks: [], latencies: [], endMs: 0 });
  });

  it('goes on after a relay was lost: what sounded ends there, and the rest begins anew', () => {
    const rows = recordOf(EVENTS.slice(0, 9));
    const again = recordOf(EVENTS.map((event) => ({ ...event, t: event.t + 5_000 })));
    const { spans, endMs } = timelineOf([...rows, ...again], [rows.length]);
    const answers = spans.filter(({ row, kind }) => row === 'B' && kind === 'sound');
    expect(answers.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [1_200, 1_900],
      [6_200, 7_300],
    ]);
    expect(endMs).toBe(14_000);
  });

  it('has no bar that ends before it begins or outlasts the record, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { maxLength: 300 }), (tape) => {
        const timeline = timelineOf(recordOf(babble(tape, DEFAULT_CONFIG)));
        for (const { fromMs, toMs } of timeline.spans) {
          expect(toMs).toBeGreaterThanOrEqual(fromMs);
          expect(toMs).toBeLessThanOrEqual(timeline.endMs);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('a replay', () => {
  it('gives the recorded effects at every step, and names what each changed', () => {
    const steps = replay(recordOf(EVENTS), DEFAULT_CONFIG);
    expect(steps.every(({ isSame }) => isSame)).toBe(true);
    expect(steps[0]?.changed).toContain('started');
    expect(new Set(steps.map(({ name }) => name)).size).toBeGreaterThan(2);
  });

  it('gives them for any record, by the knobs of that session', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { maxLength: 200 }), fc.boolean(), (tape, isSlow) => {
        const config = { ...DEFAULT_CONFIG, EXPECTED_FIRST_AUDIO_MS: isSlow ? 4_000 : 500, LANE_A_ENABLED: isSlow };
        const rows = recordOf(babble(tape, config), config);
        expect(replay(rows, config).every(({ isSame }) => isSame)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('does not mind the order of fields, as databases keep them', () => {
    const rows = recordOf(EVENTS).map(({ event, effects }) => ({
      event,
      effects: effects.map((one) => Object.fromEntries(Object.entries(one).reverse()) as typeof one),
    }));
    expect(replay(rows, DEFAULT_CONFIG).every(({ isSame }) => isSame)).toBe(true);
  });

  it('says where the effects are others than were recorded', () => {
    const rows = recordOf(EVENTS);
    rows[10] = { event: rows[10]!.event, effects: [] };
    expect(replay(rows, DEFAULT_CONFIG).filter(({ isSame }) => !isSame)).toHaveLength(1);
  });
});
