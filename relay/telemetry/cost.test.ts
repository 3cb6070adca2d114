/** What looking costs, printed with OBSERVE_COST=1; in the ordinary run only that it is less than the step itself. */
import { tracing as sdk } from '@opentelemetry/sdk-node';
import { expect, it } from 'vitest';
import { DEFAULT_CONFIG, initialState, step, type ArbiterEvent, type Effect, type State } from '#arbiter';
import { systemClock } from '../clock.ts';
import { watchOf, type SessionObserver } from './observer.ts';
import { createTelemetry } from './telemetry.ts';
import { createTracingObserver } from './tracing-observer.ts';

/** One turn: what is said, 5 s of an answer in 50 ms pieces with reports, and its end. */
function oneTurn(turn: number, from: number): ArbiterEvent[] {
  const [response, item, name] = [`r${turn}`, `i${turn}`, `t${turn}`];
  const events: ArbiterEvent[] = [
    { type: 'user.onset', utterance: `u${turn}`, source: 'widget', t: from },
    { type: 'user.offset', utterance: `u${turn}`, t: from + 900 },
    { type: 'turn.committed', turn: name, t: from + 1_000 },
    { type: 'response.created', response, turn: name, t: from + 1_100 },
  ];
  for (let ms = 0; ms < 5_000; ms += 50) {
    const t = from + 1_200 + ms;
    events.push({ type: 'response.audio', response, item, ms: 50, audible: true, t });
    events.push({ type: 'policy.cleared', response, upToMs: ms + 50, t });
    if (ms % 200 === 0) events.push({ type: 'playout', epoch: 1, item, playedMs: ms, t });
  }
  const end = from + 6_300;
  events.push(
    { type: 'response.generated', response, t: end },
    { type: 'response.done', response, status: 'completed', t: end },
  );
  events.push(
    { type: 'playout', epoch: 1, item, playedMs: 5_000, t: end + 10 },
    { type: 'playout.drained', epoch: 1, t: end + 20 },
  );
  return events;
}

interface Step {
  event: ArbiterEvent;
  effects: Effect[];
  before: State;
}

function recorded(turns: number): Step[] {
  let state = step(initialState(DEFAULT_CONFIG), { type: 'session.started', t: 0 }, DEFAULT_CONFIG).state;
  state = step(state, { type: 'provider.up', generation: 1, t: 0 }, DEFAULT_CONFIG).state;
  const steps: Step[] = [];
  for (let turn = 0; turn < turns; turn++) {
    for (const event of oneTurn(turn, turn * 8_000)) {
      const result = step(state, event, DEFAULT_CONFIG);
      steps.push({ event, effects: result.effects, before: state });
      ({ state } = result);
    }
  }
  return steps;
}

const session = {
  ...{ id: 'ses_1', tenant: 'ten_1', model: 'm', isRestored: false, traceparent: undefined },
  assistant: { id: 'ast_1', version: 1 },
  held: () => ({ up: 0, down: 0, log: 0 }),
};

/** Nanoseconds a step, the best of some rounds. */
function cost(steps: Step[], observer: SessionObserver | undefined, rounds: number): number {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const watch = watchOf(observer, session, (error) => expect.unreachable(String(error)));
    const from = performance.now();
    for (const { event, effects, before } of steps) watch.step(event, effects, before);
    best = Math.min(best, ((performance.now() - from) * 1e6) / steps.length);
    watch.ended(1000);
  }
  return best;
}

it('costs a small part of what the step itself costs', () => {
  const isMeasured = process.env['OBSERVE_COST'] === '1';
  const steps = recorded(isMeasured ? 200 : 20);
  expect(steps.filter(({ effects }) => effects.some(({ type }) => type === 'turn.outcome')).length).toBeGreaterThan(10);
  const gauges = {
    ...{ isDraining: false, isStoreUp: true, isSharedStateUp: true, instances: 1, sessions: 1, spoolBytes: 0 },
    circuits: [],
  };
  const telemetry = createTelemetry({
    ...{ clock: systemClock, version: '1', isPerTenant: true, hasProcess: false },
    gauges: () => gauges,
  });
  const rounds = isMeasured ? 30 : 5;
  const without = cost(steps, undefined, rounds);
  const metered = cost(steps, telemetry.observer, rounds);
  telemetry.stop();
  const tracer = new sdk.BasicTracerProvider().getTracer('cost');
  const traced = cost(steps, createTracingObserver({ clock: systemClock, tracer }), rounds);
  let state = initialState(DEFAULT_CONFIG);
  const from = performance.now();
  for (const { event } of steps) ({ state } = step(state, event, DEFAULT_CONFIG));
  const arbiter = ((performance.now() - from) * 1e6) / steps.length;
  if (isMeasured) {
    const text = (ns: number) => `${Math.round(ns)} ns`;
    process.stdout.write(
      `a step of the arbiter ${text(arbiter)}; nobody looks ${text(without)}; metrics ${text(metered)}; traces ${text(traced)}; ${steps.length} steps\n`,
    );
  }
  expect(state.ended).toBe(false);
  expect(metered).toBeLessThan(arbiter);
});
