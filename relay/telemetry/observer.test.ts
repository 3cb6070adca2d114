import { describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG, initialState } from '#arbiter';
import { virtualClock } from '../testing/virtual-clock.ts';
import { watchLoop } from './loop-lag.ts';
import { NO_WATCH, watchOf, type OpenedSession, type SessionWatch } from './observer.ts';
import { createTelemetry, type Gauges } from './telemetry.ts';
import { readExposition } from './testing/exposition.ts';

const session: OpenedSession = {
  ...{ id: 'ses_1', tenant: 'ten_1', model: 'm', isRestored: false, traceparent: undefined },
  assistant: { id: 'ast_1', version: 1 },
  held: () => ({ up: 100, down: 20, log: 3 }),
};
const state = initialState(DEFAULT_CONFIG);
const GAUGES: Gauges = {
  ...{ isDraining: false, isStoreUp: true, isSharedStateUp: false, instances: 2, sessions: 1, spoolBytes: 77 },
  circuits: [
    { provider: 'https://api.example', is: 'closed' },
    { provider: 'https://api.example', is: 'open' },
  ],
};

/** Everything that can be told of a conversation. */
const everything = (watch: SessionWatch) => {
  watch.step({ type: 'tick', t: 1 }, [], state);
  watch.told({ type: 'pong' });
  watch.cancelled();
  watch.dialled();
  watch.providerUp();
  watch.providerDown('x');
  watch.resumed('all');
  watch.lead(5);
  watch.ended(1000);
};

describe('whoever looks at a conversation', () => {
  it.each(Object.keys(NO_WATCH) as (keyof SessionWatch)[])(
    'may fail at %s, and is told nothing more but the end',
    (method) => {
      const seen: string[] = [];
      const failures: unknown[] = [];
      const noted = Object.fromEntries(
        Object.keys(NO_WATCH).map((name) => [
          name,
          () => {
            seen.push(name);
            if (name === method) throw new Error(name);
          },
        ]),
      ) as unknown as SessionWatch;
      const watch = watchOf({ open: () => noted }, session, (error) => void failures.push(error));
      everything(watch);
      everything(watch);
      expect(failures).toHaveLength(1);
      expect(seen.filter((name) => name === method).length).toBeLessThanOrEqual(method === 'ended' ? 2 : 1);
      expect(seen.at(-1)).toBe('ended');
    },
  );

  it('may fail at once', () => {
    const failures: unknown[] = [];
    const watch = watchOf(
      {
        open() {
          throw new Error('no');
        },
      },
      session,
      (error) => void failures.push(error),
    );
    everything(watch);
    expect(failures).toHaveLength(1);
  });

  it('is nobody where nobody is given', () => {
    everything(watchOf(undefined, session, () => expect.unreachable()));
  });
});

describe('telemetry', () => {
  it('asks for every gauge at each look', async () => {
    const clock = virtualClock();
    let isDraining = false;
    const telemetry = createTelemetry({
      ...{ clock, version: '9.9.9', isPerTenant: true, hasProcess: false },
      gauges: () => ({ ...GAUGES, isDraining }),
    });
    const watch = telemetry.observer.open(session);
    telemetry.observer.open(session).step({ type: 'widget.down', t: 1 }, [], state);
    const look = async () => {
      const { samples } = readExposition(await telemetry.render());
      return (id: string) => samples.find((one) => one.id === id)?.value;
    };
    let valueOf = await look();
    expect(['live', 'away', 'draining'].map((one) => valueOf(`vjj_sessions{state="${one}"}`))).toEqual([1, 1, 0]);
    expect(['up', 'down', 'log'].map((one) => valueOf(`vjj_buffered_bytes{where="${one}"}`))).toEqual([200, 40, 6]);
    expect(valueOf('vjj_tenant_sessions{tenant="ten_1"}')).toBe(2);
    expect([valueOf('vjj_store_up'), valueOf('vjj_shared_state_up')]).toEqual([1, 0]);
    expect([valueOf('vjj_instances'), valueOf('vjj_spool_bytes')]).toEqual([2, 77]);
    const circuits = ['closed', 'open', 'half-open'].map((is) =>
      valueOf(`vjj_provider_circuit{provider="https://api.example",state="${is}"}`),
    );
    expect(circuits).toEqual([1, 1, 0]);
    expect(valueOf(`vjj_build_info{version="9.9.9",node="${process.version}"}`)).toBe(1);
    isDraining = true;
    watch.ended(1000);
    valueOf = await look();
    expect(['live', 'away', 'draining'].map((one) => valueOf(`vjj_sessions{state="${one}"}`))).toEqual([0, 0, 1]);
    telemetry.stop();
    expect(clock.pending).toBe(0);
  });

  it('tells both who look, also where one fails', () => {
    const seen: string[] = [];
    const traces = {
      open: (): SessionWatch => ({
        ...NO_WATCH,
        step: () => void seen.push('step'),
        ended: () => void seen.push('ended'),
        told() {
          throw new Error('no');
        },
      }),
    };
    const clock = virtualClock();
    const base = { clock, version: '1', isPerTenant: true, hasProcess: false };
    const telemetry = createTelemetry({ ...base, traces, gauges: () => GAUGES });
    const watch = telemetry.observer.open(session);
    watch.step({ type: 'tick', t: 1 }, [], state);
    expect(() => watch.told({ type: 'pong' })).toThrow();
    watch.cancelled();
    watch.dialled();
    watch.providerUp();
    watch.providerDown('x');
    watch.resumed('all');
    watch.lead(5);
    watch.ended(1000);
    expect(seen).toEqual(['step', 'ended']);
    telemetry.stop();
  });
});

describe('the lag of the event loop', () => {
  it('is how much later than asked for a timer came', () => {
    const clock = virtualClock();
    const lags: number[] = [];
    const stop = watchLoop({ ...clock, now: () => clock.now() * 1.1 }, (ms) => void lags.push(Math.round(ms)));
    clock.advance(1_000);
    expect(lags.length).toBeGreaterThan(2);
    stop();
    const { length } = lags;
    clock.advance(1_000);
    expect(lags).toHaveLength(length);
    expect(clock.pending).toBe(0);
  });
});
