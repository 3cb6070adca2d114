/** Liveness, readiness and a status for people and probes. Liveness asks nothing and nobody. */
import { Hono } from 'hono';
import { describeRoute, resolver } from 'hono-openapi';
import * as v from 'valibot';
import { problems } from './problem.ts';
import type { RelayEnv } from './request-env.ts';

/** How long the store may take to answer before the instance counts as not ready, in milliseconds. */
const READY_WITHIN_MS = 1_000;

export interface HealthDeps {
  /** Path of liveness; readiness is below it. */
  path: string;
  isDraining: () => boolean;
  pingStore: PingStore;
}

/** Rejects when the store does not answer; `degraded` when it does not and the instance serves without it. */
export type PingStore = () => Promise<void | 'degraded'>;

export function healthRoutes({ path, isDraining, pingStore }: HealthDeps) {
  return new Hono<RelayEnv>()
    .get(path, (c) => {
      c.header('Cache-Control', 'no-store');
      return c.json({ status: 'ok' });
    })
    .get(`${path}/ready`, async (c) => {
      const store = await answersInTime(pingStore);
      const isReady = store !== 'down' && !isDraining();
      c.header('Cache-Control', 'no-store');
      if (!isReady) c.header('Retry-After', '5');
      const checks = { store: store === 'ok' ? 'ok' : 'down', accepting: isDraining() ? 'draining' : 'ok' };
      const status = !isReady ? 'not-ready' : store === 'degraded' ? 'degraded' : 'ready';
      return c.json({ status, checks }, isReady ? 200 : 503);
    });
}

async function answersInTime(ping: PingStore): Promise<'ok' | 'degraded' | 'down'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'down'>((resolve) => {
    timer = setTimeout(resolve, READY_WITHIN_MS, 'down');
  });
  const answered = ping().then(
    (how) => how ?? 'ok',
    () => 'down' as const,
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}

export const Status = v.object({
  status: v.picklist(['ok', 'draining']),
  version: v.string(),
  /** Names this process until it ends. */
  instance: v.string(),
  uptimeS: v.number(),
  /** Conversations under way. */
  sessions: v.number(),
  provider: v.picklist(['emulator', 'openai']),
  model: v.string(),
  sharedState: v.string(),
  /** Whether instances can agree at this moment. */
  isSharedStateUp: v.optional(v.boolean()),
  /** That share it, as far as was known last. */
  instances: v.optional(v.number()),
});
export type Status = v.InferOutput<typeof Status>;

export function statusRoutes(deps: { status: () => Status }) {
  const describe = describeRoute({
    summary: 'What runs here',
    responses: {
      200: { description: 'Always, while it runs', content: { 'application/json': { schema: resolver(Status) } } },
      ...problems('rate-limited'),
    },
  });
  return new Hono<RelayEnv>().get('/status', describe, (c) => {
    c.header('Cache-Control', 'no-store');
    return c.json(deps.status());
  });
}
