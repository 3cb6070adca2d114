import fc from 'fast-check';
import { expect, it } from 'vitest';
import { virtualClock } from '../../testing/virtual-clock.ts';
import * as rules from './circuit.ts';
import { MOST_CIRCUITS, createCircuits } from './circuits.ts';

type Act =
  | { do: 'take' | 'succeeded' | 'failed' | 'refused' | 'abandoned'; afterMs: number }
  | { do: 'throttled'; afterMs: number; retryMs: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    do: fc.constantFrom<'take' | 'succeeded' | 'failed' | 'refused' | 'abandoned'>(
      ...(['take', 'succeeded', 'failed', 'refused', 'abandoned'] as const),
    ),
    afterMs: fc.nat(40_000),
  }),
  fc.record({ do: fc.constant('throttled' as const), afterMs: fc.nat(40_000), retryMs: fc.nat(900_000) }),
);

function apply(circuit: rules.Circuit, one: Act, now: number): { circuit: rules.Circuit; leave?: rules.Leave } {
  switch (one.do) {
    case 'take':
      return rules.take(circuit, now);
    case 'throttled':
      return { circuit: rules.throttled(circuit, 'http-429', one.retryMs, now) };
    case 'failed':
    case 'refused':
      return { circuit: rules[one.do](circuit, one.do, now) };
    default:
      return { circuit: rules[one.do](circuit, now) };
  }
}

it('lets one trial at a time through while it is not closed, and never waits longer than its bounds', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      let now = 0;
      let circuit = rules.closedCircuit(now);
      let trialSince: number | null = null;
      for (const one of acts) {
        now += one.afterMs;
        const wasClosed = circuit.is === 'closed';
        const result = apply(circuit, one, now);
        circuit = result.circuit;
        if (one.do !== 'take') {
          if (circuit.is !== 'half-open') trialSince = null;
        } else if (result.leave?.is === 'go' && !wasClosed) {
          // Nobody else has it, or they were not heard of for as long as a trial may take.
          expect(trialSince === null || now - trialSince >= rules.TRIAL_MS).toBe(true);
          trialSince = now;
        }
        if (circuit.is === 'closed') continue;
        expect(circuit.until - now).toBeLessThanOrEqual(rules.LONGEST_REFUSED_MS);
        expect(circuit.since).toBeLessThanOrEqual(now);
        // However it came to this: after its pause somebody may try.
        expect(rules.leaveOf(circuit, circuit.until).is).toBe('go');
      }
      expect(rules.succeeded(circuit, now).is).toBe('closed');
    }),
  );
});

it('opens at the fifth failure in a row and not before, and forgets failures that lie far apart', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2 * rules.WINDOW_MS), { minLength: 1, maxLength: 12 }), (gaps) => {
      let now = 0;
      let circuit = rules.closedCircuit(0);
      let inARow = 0;
      for (const gap of gaps) {
        now += gap;
        inARow = inARow > 0 && gap <= rules.WINDOW_MS ? inARow + 1 : 1;
        circuit = rules.failed(circuit, 'ECONNREFUSED', now);
        expect(circuit.is).toBe(inARow >= rules.FAILURES_TO_OPEN ? 'open' : 'closed');
        if (circuit.is !== 'closed') return;
      }
    }),
  );
});

it('a success between failures begins the count anew', () => {
  let circuit = rules.closedCircuit(0);
  for (let i = 0; i < 4; i += 1) circuit = rules.failed(circuit, 'x', i);
  circuit = rules.succeeded(circuit, 5);
  for (let i = 0; i < 4; i += 1) circuit = rules.failed(circuit, 'x', 6 + i);
  expect(circuit.is).toBe('closed');
  expect(rules.failed(circuit, 'x', 10).is).toBe('open');
});

it('doubles the pause of a key that stays refused, up to ten minutes', () => {
  let circuit = rules.refused(rules.closedCircuit(0), 'invalid_api_key', 0);
  let now = 0;
  const pauses: number[] = [];
  for (let i = 0; i < 7; i += 1) {
    if (circuit.is === 'closed') throw new Error('closed');
    pauses.push((circuit.until - now) / 1000);
    expect(rules.leaveOf(circuit, circuit.until - 1)).toEqual({ is: 'refused', reason: 'invalid_api_key' });
    now = circuit.until;
    circuit = rules.refused(rules.take(circuit, now).circuit, 'invalid_api_key', now);
  }
  expect(pauses).toEqual([30, 60, 120, 240, 480, 600, 600]);
});

it('honours the time that the provider names, within its bound', () => {
  const circuit = rules.throttled(rules.closedCircuit(0), 'http-429', 7_000, 100);
  expect(rules.leaveOf(circuit, 7_099)).toEqual({ is: 'wait', untilMs: 7_100, reason: 'http-429' });
  expect(rules.leaveOf(circuit, 7_100)).toEqual({ is: 'go' });
  expect(rules.throttled(circuit, 'http-429', 1_000, 200)).toBe(circuit);
  const long = rules.throttled(rules.closedCircuit(0), 'http-429', 1e9, 0);
  expect(rules.leaveOf(long, rules.LONGEST_RETRY_AFTER_MS)).toEqual({ is: 'go' });
});

it('what came of a dialling from before it opened changes nothing', () => {
  const open = rules.refused(rules.closedCircuit(0), 'http-401', 0);
  expect(rules.failed(open, 'ECONNRESET', 10)).toBe(open);
  expect(rules.refused(open, 'http-401', 10)).toBe(open);
  expect(rules.throttled(open, 'http-429', 900_000, 10)).toBe(open);
  expect(rules.abandoned(open, 10)).toBe(open);
});

it('knows each credential by a digest, apart from all others, and shows it without the key', () => {
  const clock = virtualClock(1_000);
  const circuits = createCircuits(clock);
  const mine = circuits.of('sk-secret-one', 'https://one.example/v1');
  circuits.of('sk-secret-one', 'https://two.example/v1').look();
  circuits.of('sk-secret-two', 'https://one.example/v1').look();
  clock.advance(500);
  mine.refused('insufficient_quota');
  expect(circuits.of('sk-secret-one', 'https://one.example/v1').take()).toMatchObject({ is: 'refused' });
  expect(circuits.of('sk-secret-one', 'https://two.example/v1').take()).toEqual({ is: 'go' });
  expect(circuits.of('sk-secret-two', 'https://one.example/v1').take()).toEqual({ is: 'go' });
  const view = circuits.view();
  expect(view).toHaveLength(3);
  expect(view.find(({ is }) => is === 'open')).toEqual({
    provider: 'https://one.example',
    credential: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    is: 'open',
    since: clock.wallNow(),
    why: 'refused',
    reason: 'insufficient_quota',
  });
  expect(JSON.stringify(view)).not.toContain('sk-');
  clock.advance(rules.REFUSED_MS);
  expect(mine.take()).toEqual({ is: 'go' });
  expect(mine.take()).toMatchObject({ is: 'refused' });
  mine.abandoned();
  expect(mine.take()).toEqual({ is: 'go' });
  mine.succeeded();
  expect(circuits.view().every(({ is }) => is === 'closed')).toBe(true);
});

it('remembers a bounded number of credentials', () => {
  const circuits = createCircuits(virtualClock());
  for (let i = 0; i <= MOST_CIRCUITS; i += 1) circuits.of(`key ${i}`, 'https://one.example/v1').look();
  expect(circuits.view()).toHaveLength(MOST_CIRCUITS);
});
