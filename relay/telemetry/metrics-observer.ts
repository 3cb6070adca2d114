/**
 * Brings what is seen of all conversations to the registry: runs the fold for each, knows which of
 * them live, and counts by tenant within the bound. Decides nothing that the table does not say.
 */
import type { Clock } from '../clock.ts';
import { measure, NOTHING_YET, type Measurement, type Memory } from './measure.ts';
import { MOST_TENANTS } from './metric-table.ts';
import type { OpenedSession, SessionObserver, SessionWatch } from './observer.ts';
import { createPlaces } from './places.ts';
import type { Metrics, SetGauge } from './registry.ts';
import { isPlain, isTold, type Seen } from './seen.ts';

export interface MetricsObserver extends SessionObserver {
  /** The gauges that follow from the conversations that live. */
  collect(set: SetGauge, isDraining: boolean): void;
  /** The provider billed so much, in millionths of a dollar. */
  billed(tenant: string, cost: number): void;
}

export interface MetricsObserverOptions {
  clock: Clock;
  metrics: Pick<Metrics, 'put' | 'count' | 'forget'>;
  /** The first sound of an answer left so long after the end of the turn, in milliseconds. */
  onFirstSound?: (ms: number) => void;
}

interface Living {
  session: OpenedSession;
  memory: Memory;
}

export function createMetricsObserver({ clock, metrics, onFirstSound }: MetricsObserverOptions): MetricsObserver {
  const living = new Set<Living>();
  const places = createPlaces(MOST_TENANTS, (label) => {
    metrics.forget('vjj_tenant_turns_total', 'tenant', label);
    metrics.forget('vjj_tenant_cost_microdollars_total', 'tenant', label);
  });
  const placeOf = (tenant: string) => places.of(tenant, clock.now());

  function put(one: Measurement, tenant: string): void {
    if (one.is === 'time') {
      metrics.put(one.name, one.labels, one.s);
      if (one.name === 'vjj_first_audible_seconds' && one.labels['lane'] === 'B') onFirstSound?.(one.s * 1000);
      return;
    }
    metrics.put(one.name, one.labels, 1);
    const outcome = one.name === 'vjj_turns_total' ? one.labels['outcome'] : undefined;
    if (outcome !== undefined) metrics.count('vjj_tenant_turns_total', { tenant: placeOf(tenant), outcome });
  }

  function open(session: OpenedSession): SessionWatch {
    const one: Living = { session, memory: NOTHING_YET };
    living.add(one);
    const see = (seen: Seen) => {
      const { memory, measured } = measure(one.memory, seen);
      one.memory = memory;
      for (const measurement of measured) put(measurement, session.tenant);
    };
    see({ is: 'opened', at: clock.now() });
    return {
      step(event, effects, before) {
        if (!isPlain(event, effects)) see({ is: 'step', event, effects, before, at: clock.now() });
      },
      told(message) {
        if (isTold(message)) see({ is: 'told', message, at: clock.now() });
      },
      cancelled: () => see({ is: 'cancelled', at: clock.now() }),
      dialled: () => see({ is: 'dialled', at: clock.now() }),
      providerUp: () => see({ is: 'provider-up', at: clock.now() }),
      providerDown: (reason) => see({ is: 'provider-down', reason, at: clock.now() }),
      resumed: (kept) => see({ is: 'resumed', kept, at: clock.now() }),
      lead: (ms) => see({ is: 'lead', ms, at: clock.now() }),
      ended(code) {
        living.delete(one);
        see({ is: 'ended', code, at: clock.now() });
      },
    };
  }

  return {
    open,
    billed: (tenant, cost) => metrics.count('vjj_tenant_cost_microdollars_total', { tenant: placeOf(tenant) }, cost),
    collect(set, isDraining) {
      const states = { live: 0, away: 0, draining: 0 };
      const held = { up: 0, down: 0, log: 0 };
      const tenants = new Map<string, number>();
      for (const { session, memory } of living) {
        states[isDraining ? 'draining' : memory.awayAt === null ? 'live' : 'away'] += 1;
        const { up, down, log } = session.held();
        held.up += up;
        held.down += down;
        held.log += log;
        const tenant = placeOf(session.tenant);
        tenants.set(tenant, (tenants.get(tenant) ?? 0) + 1);
      }
      for (const [state, count] of Object.entries(states)) set('vjj_sessions', count, { state });
      for (const [where, bytes] of Object.entries(held)) set('vjj_buffered_bytes', bytes, { where });
      for (const [tenant, count] of tenants) set('vjj_tenant_sessions', count, { tenant });
    },
  };
}
