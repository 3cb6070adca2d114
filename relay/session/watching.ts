/** Shows one conversation to whoever measures: who it is, and what it holds at the moment of asking. */
import type { RealtimeBridge } from '../bridge/bridge.ts';
import type { Log } from '../log.ts';
import { watchOf, type SessionWatch } from '../telemetry/observer.ts';
import type { Downlink } from './downlink.ts';
import type { Line } from './line.ts';
import type { SessionDeps, SessionSeed } from './session-deps.ts';

export interface WatchingOptions {
  deps: Pick<SessionDeps, 'observe'>;
  seed: SessionSeed;
  log: Log;
  line: Pick<Line, 'heldBytes'>;
  downlink: Pick<Downlink, 'heldBytes'>;
  bridge: () => Pick<RealtimeBridge, 'heldBytes'> | null;
}

/** @returns what sees the conversation and never throws. */
export function createWatching({ deps, seed, log, line, downlink, bridge }: WatchingOptions): SessionWatch {
  const { tenant, assistant } = seed.admission;
  const session = {
    id: seed.id,
    tenant: tenant.id,
    assistant: { id: assistant.id, version: assistant.version },
    model: assistant.model,
    isRestored: seed.restored !== undefined,
    traceparent: seed.traceparent,
    held: () => ({ up: bridge()?.heldBytes ?? 0, down: downlink.heldBytes, log: line.heldBytes }),
  };
  return watchOf(deps.observe, session, (error) => log.error('a conversation is not measured any more', { error }));
}
