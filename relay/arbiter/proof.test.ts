import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { enumerate } from './enumerate.ts';
import { isListening, noHistory, observe } from './invariants.ts';
import { initialState, nextDeadline, type State } from './state.ts';
import { step } from './step.ts';
import { anyConfig, anyEvents, babble, chances, converse, play, wait, type Observed } from './testing/sessions.ts';
import { DEFAULT_CONFIG, type ArbiterConfig, type ArbiterEvent, type Effect } from './vocabulary.ts';

/** With only ticks a session listens again at the latest after this. */
const LONGEST_WAIT_MS = 300_000;

/** Asserts every invariant of every step; what it gets may not be written to. */
function watch(config: ArbiterConfig): (seen: Observed) => void {
  let history = noHistory;
  return (seen) => {
    const now = observe(history, { ...seen, config });
    history = now.history;
    if (now.broken.length > 0) throw new Error(`${JSON.stringify(seen.event)}: ${now.broken.join('; ')}`);
    freeze(seen.after);
  };
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  Object.values(value).forEach(freeze);
}

/** A failing example is made smaller for no longer than this. */
const interruptAfterTimeLimit = 20_000;

const lastOf = (events: readonly ArbiterEvent[]) => events.at(-1)?.t ?? 0;
const noise = fc.tuple(anyEvents, anyConfig);
const talk = fc.tuple(chances, anyConfig, fc.constantFrom(0, 5, 30));

function holds([events, config]: [ArbiterEvent[], ArbiterConfig]): void {
  const seen = watch(config);
  const state = play(events, config, seen);
  const since = lastOf(events);
  const { state: last, t } = wait(state, since, config, seen);
  expect(nextDeadline(last)).toBeUndefined();
  expect(isListening(last), `still ${JSON.stringify(last)}`).toBe(true);
  expect(t - since).toBeLessThan(LONGEST_WAIT_MS);
}

describe('the arbiter, over any order of events', () => {
  it('keeps every invariant and comes back to listening when only time passes', () => {
    fc.assert(fc.property(noise, holds), { numRuns: 500, interruptAfterTimeLimit });
  });

  it('keeps them when what happens is mostly about something that exists', () => {
    const property = fc.property(chances, anyConfig, (tape, config) => holds([babble(tape, config), config]));
    fc.assert(property, { numRuns: 500, interruptAfterTimeLimit });
  });

  it('keeps them in conversations over a network that loses, doubles, delays and reorders', () => {
    const property = fc.property(talk, ([tape, config, trouble]) => holds([converse(tape, config, trouble), config]));
    fc.assert(property, { numRuns: 400, interruptAfterTimeLimit });
  });

  it('keeps them when a conversation is cut off, shuffled or told twice', () => {
    const told = fc.tuple(chances, anyConfig, fc.array(fc.nat(), { maxLength: 30 }), fc.nat(300));
    const property = fc.property(told, ([tape, config, swaps, cut]) => {
      const events = converse(tape, config, 5).slice(0, cut);
      for (const swap of swaps) {
        const [one, other] = [events[swap % events.length], events[(swap >> 4) % events.length]];
        if (one && other) events.splice(swap % events.length, 1, { ...other, t: one.t });
      }
      holds([events, config]);
    });
    fc.assert(property, { numRuns: 150, interruptAfterTimeLimit });
  });

  it('gives the same effects byte for byte when replayed, also from states that were stored as text', () => {
    const property = fc.property(talk, ([tape, config, trouble]) => {
      const events = converse(tape, config, trouble);
      const first: Effect[][] = [];
      const last = play(events, config, ({ effects }) => void first.push(effects));
      const again: Effect[][] = [];
      let stored = JSON.stringify(initialState(config));
      for (const event of events) {
        const { state, effects } = step(JSON.parse(stored) as State, event, config);
        again.push(effects);
        stored = JSON.stringify(state);
      }
      expect(JSON.stringify(again)).toBe(JSON.stringify(first));
      expect(stored).toBe(JSON.stringify(last));
    });
    fc.assert(property, { numRuns: 150, interruptAfterTimeLimit });
  });

  it('reaches every kind of effect in conversations, so that the laws above are about something', () => {
    const given = new Set<string>();
    const config = { ...DEFAULT_CONFIG, IDLE_PROMPT_MS: 2000 };
    for (const tape of fc.sample(chances, { numRuns: 150, seed: 7 })) {
      play(converse(tape, config, 5), config, ({ effects }) => effects.forEach(({ type }) => given.add(type)));
    }
    expect([...given].sort()).toEqual(
      [
        ...['gate.close', 'gate.pause', 'gate.resume', 'response.cancel', 'item.truncate', 'item.delete'],
        ...['input.clear', 'owner.changed', 'audit', 'turn.outcome', 'gate.open', 'lane.admit'],
        ...['clip.play', 'response.create', 'metric', 'stale'],
      ].sort(),
    );
  });
});

describe('the arbiter, in every state up to a depth', () => {
  it('keeps every invariant in a session of two turns', () => {
    const { broken, states } = enumerate({ depth: 7 });
    expect(broken).toEqual([]);
    expect(states).toBeGreaterThan(30_000);
  }, 60_000);

  it('keeps them where provider, widget and device come and go', () => {
    expect(enumerate({ depth: 6, losses: true }).broken).toEqual([]);
  }, 60_000);

  it.each([
    ['lenient policy', { POLICY_MODE: 'lenient' }],
    ['an open policy timeout', { POLICY_ON_TIMEOUT: 'open' }],
    ['a refusal nobody interrupts', { REFUSAL_UNINTERRUPTIBLE: true }],
    ['no resumes', { RESUMES_PER_RESPONSE: 0 }],
    ['losses that stop', { ON_PROVIDER_LOSS: 'stop' }],
  ] as const)('keeps them with %s', (_, config) => {
    expect(enumerate({ depth: 4, losses: true, config }).broken).toEqual([]);
  });

  it('finds out a reducer that forgets an audit, and says the shortest way there', () => {
    const forgetful: typeof step = (state, event, config) => {
      const { state: after, effects } = step(state, event, config);
      return { state: after, effects: effects.filter(({ type }) => type !== 'audit') };
    };
    const { broken } = enumerate({ depth: 5, reduce: forgetful });
    expect(broken[0]).toMatch(/^I10: no audit of none→A by reflex, after user\.text t1, tick \+1000$/);
  });

  it('finds an end where there is one', () => {
    const asleep: typeof step = (state) => ({ state, effects: [{ type: 'stale', event: 'tick' }] });
    expect(enumerate({ depth: 5, reduce: asleep })).toMatchObject({ states: 1, depth: 0, isFixpoint: true });
  });

  it('tells of each level that it goes', () => {
    const lines: string[] = [];
    const found = enumerate({ depth: 2, progress: (line) => lines.push(line) });
    expect(found).toMatchObject({ depth: 2, isFixpoint: false, broken: [] });
    expect(lines).toHaveLength(2);
  });
});
