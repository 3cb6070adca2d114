/**
 * Everything that measures one process: joins the folds, the registry, the lag of the event loop,
 * CloudWatch's lines and traces. What it cannot see by itself it is told, or asks for when somebody
 * looks.
 */
import type { Clock } from '../clock.ts';
import { startEmf, type Emf } from './emf.ts';
import { watchLoop } from './loop-lag.ts';
import { createMetricsObserver } from './metrics-observer.ts';
import { NO_WATCH, type SessionObserver, type SessionWatch } from './observer.ts';
import { createMetrics, type Metrics } from './registry.ts';

/** What is asked for at each look. */
export interface Gauges {
  isDraining: boolean;
  isStoreUp: boolean;
  isSharedStateUp: boolean;
  /** That share state, this one included. */
  instances: number;
  /** Conversations that live here. */
  sessions: number;
  spoolBytes: number;
  /** One entry a credential. */
  circuits: readonly { provider: string; is: 'closed' | 'open' | 'half-open' }[];
}

export interface TelemetryOptions {
  clock: Clock;
  version: string;
  isPerTenant: boolean;
  /** Whether the process's own figures are part of it: memory, processor, handles. */
  hasProcess: boolean;
  /** Takes CloudWatch's lines; without it there are none. */
  writeEmf?: (line: string) => void;
  /** Sees every conversation, too. */
  traces?: SessionObserver;
  gauges: () => Gauges;
}

export interface Telemetry {
  observer: SessionObserver;
  count: Metrics['count'];
  time: Metrics['time'];
  /** The provider billed a tenant so much, in millionths of a dollar. */
  billed(tenant: string, cost: number): void;
  render(): Promise<string>;
  readonly contentType: string;
  stop(): void;
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { clock, version, isPerTenant, hasProcess, writeEmf, traces, gauges } = options;
  const metrics: Metrics = createMetrics({
    ...{ isPerTenant, hasProcess },
    collect(set) {
      const { circuits, ...now } = gauges();
      measured.collect(set, now.isDraining);
      set('vjj_store_up', Number(now.isStoreUp), {});
      set('vjj_shared_state_up', Number(now.isSharedStateUp), {});
      set('vjj_instances', now.instances, {});
      set('vjj_spool_bytes', now.spoolBytes, {});
      set('vjj_build_info', 1, { version, node: process.version });
      for (const [provider, states] of byProvider(circuits)) {
        for (const [state, count] of Object.entries(states)) set('vjj_provider_circuit', count, { provider, state });
      }
    },
  });
  const emf: Emf | null =
    writeEmf === undefined ? null : startEmf({ clock, write: writeEmf, sessions: () => gauges().sessions });
  const measured = createMetricsObserver({ clock, metrics, onFirstSound: (ms) => emf?.firstSound(ms) });
  const stopLoop = watchLoop(clock, (ms) => metrics.time('vjj_event_loop_lag_seconds', ms / 1000, {}));
  return {
    observer: traces === undefined ? measured : both(measured, traces),
    count: metrics.count,
    time: metrics.time,
    billed: (tenant, cost) => measured.billed(tenant, cost),
    render: () => metrics.render(),
    contentType: metrics.contentType,
    stop() {
      stopLoop();
      emf?.stop();
    },
  };
}

function byProvider(circuits: Gauges['circuits']): Map<string, Record<string, number>> {
  const counts = new Map<string, Record<string, number>>();
  for (const { provider, is } of circuits) {
    const states = counts.get(provider) ?? { closed: 0, open: 0, 'half-open': 0 };
    states[is] = (states[is] ?? 0) + 1;
    counts.set(provider, states);
  }
  return counts;
}

/** Two that look; each is told everything, also where the other fails. */
function both(one: SessionObserver, other: SessionObserver): SessionObserver {
  return {
    open(session) {
      const watches = [one.open(session), other.open(session)] as const;
      const each = (tell: (watch: SessionWatch) => void) => {
        try {
          tell(watches[0]);
        } finally {
          tell(watches[1]);
        }
      };
      return {
        ...NO_WATCH,
        step: (event, effects, before) => each((watch) => watch.step(event, effects, before)),
        told: (message) => each((watch) => watch.told(message)),
        cancelled: () => each((watch) => watch.cancelled()),
        dialled: () => each((watch) => watch.dialled()),
        providerUp: () => each((watch) => watch.providerUp()),
        providerDown: (reason) => each((watch) => watch.providerDown(reason)),
        resumed: (kept) => each((watch) => watch.resumed(kept)),
        lead: (ms) => each((watch) => watch.lead(ms)),
        ended: (code) => each((watch) => watch.ended(code)),
      };
    },
  };
}
