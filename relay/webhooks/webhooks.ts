/**
 * Tells tenants' endpoints what happens. An event is a row of the outbox before anybody is told,
 * and where the caller is in a transaction, a row of that transaction; what cannot be delivered is
 * tried again for a day and then kept as dead. One endpoint gets one delivery at a time. Who may
 * be dialled is decided by what it is given to send with.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { newId } from '../ids.ts';
import { bodyOf, type WebhookEvent, type WebhookEvents } from './events.ts';
import { waitAfter } from './schedule.ts';
import { newWebhookSecret, signedHeaders } from './signing.ts';

const LOOK_EVERY_MS = 5_000;
/** After an event: its transaction has most likely ended by then. */
const SOON_MS = 50;
const REQUEST_TIMEOUT_MS = 10_000;
const MOST_ANSWER_BYTES = 64 * 1024;
/** Deliveries under way or waiting behind one another. */
const MOST_AT_ONCE = 20;
/** Longer than all of them take if each takes as long as it may. */
const CLAIM_MS = 300_000;
/** How long a tenant's endpoints are believed. */
const CACHE_MS = 5_000;
/** An endpoint to which nothing could be delivered for this long is disabled. */
export const DISABLE_AFTER_MS = 5 * 86_400_000;
const GONE = 410;

export interface Endpoint {
  id: string;
  events: string[];
  status: 'active' | 'disabled';
  secrets: string[];
}

export interface Delivery {
  id: string;
  tenantId: string;
  webhookId: string;
  event: string;
  body: string;
  status: 'pending' | 'delivered' | 'dead';
  attempts: number;
  createdAt: number;
}

/** What is asked of the store; its `WebhookRecords` fits. */
export interface OutboxRecords {
  list(tenantId: string): Promise<Endpoint[]>;
  change(
    tenantId: string,
    id: string,
    change: { status?: 'active' | 'disabled'; secrets?: string[] },
  ): Promise<boolean>;
  /** Each once, by its id. */
  enqueue(
    rows: readonly { id: string; tenantId: string; webhookId: string; event: string; body: string; nextAt: number }[],
  ): Promise<void>;
  claimDue(now: number, limit: number, leaseMs: number): Promise<(Delivery & { url: string; secrets: string[] })[]>;
  settle(
    tenantId: string,
    id: string,
    result: { status: Delivery['status']; nextAt: number; lastResult: string },
  ): Promise<void>;
  deliveries(tenantId: string, webhookId: string, page: { limit: number }): Promise<{ rows: Delivery[] }>;
  replay(tenantId: string, id: string, now: number): Promise<boolean>;
}

/** The guarded way out; `Outbound.request` fits. */
export type Send = (
  url: string,
  request: { method: 'POST'; headers: Record<string, string>; body: string; maxBytes: number; timeoutMs: number },
) => Promise<{ status: number }>;

export interface Webhooks {
  /**
   * Puts an event into the outbox for every endpoint that wants it; in the caller's transaction
   * where there is one.
   *
   * @param once - The same event named so again is not sent again.
   * @returns how many endpoints will be told.
   */
  emit<T extends WebhookEvent>(tenantId: string, type: T, data: WebhookEvents[T], once?: string): Promise<number>;
  /** Queues a test event for one endpoint, whatever it subscribed to. @returns the delivery's id. */
  test(tenantId: string, webhookId: string): Promise<string | undefined>;
  /** Sends a delivered or dead one again. */
  replay(tenantId: string, deliveryId: string): Promise<boolean>;
  /** The newest of the former secrets signs too, until the next rotation. @returns the new one, to be shown once. */
  rotate(tenantId: string, webhookId: string): Promise<string | undefined>;
  /** A tenant's endpoints were changed. */
  forget(tenantId: string): void;
  /** Delivers what is due until it is stopped. */
  start(): void;
  /** Resolves when nothing is under way. */
  stop(): Promise<void>;
}

export function createWebhooks(options: {
  clock: Clock;
  records: OutboxRecords;
  send: Send;
  random?: () => number;
  /** One attempt to deliver is over; after `retry` another follows. */
  onDelivery?: (result: 'delivered' | 'retry' | 'dead') => void;
  onProblem?: (problem: {
    code: 'store' | 'dead' | 'disabled';
    detail: string;
    tenantId?: string;
    error?: unknown;
  }) => void;
}): Webhooks {
  const { clock, records, send, random = Math.random, onProblem = () => undefined } = options;
  const known = new Map<string, { at: number; endpoints: Endpoint[] }>();
  /** The last delivery of each endpoint that has any. */
  const chains = new Map<string, Promise<void>>();
  let underWay = 0;
  let isRunning = false;
  let looking: Promise<void> = Promise.resolve();
  let wake: { at: number; cancel: () => void } | null = null;

  async function endpointsOf(tenantId: string): Promise<Endpoint[]> {
    const cached = known.get(tenantId);
    if (cached && clock.now() - cached.at < CACHE_MS) return cached.endpoints;
    const endpoints = await records.list(tenantId);
    known.delete(tenantId);
    known.set(tenantId, { at: clock.now(), endpoints });
    const oldest = known.size > 1_000 ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    return endpoints;
  }

  function lookIn(ms: number): void {
    if (!isRunning) return;
    const at = clock.now() + ms;
    if (wake && wake.at <= at) return;
    wake?.cancel();
    const cancel = clock.wakeAt(at, () => {
      wake = null;
      looking = looking.then(look);
    });
    wake = { at, cancel };
  }

  async function look(): Promise<void> {
    try {
      while (isRunning && underWay < MOST_AT_ONCE) {
        const room = MOST_AT_ONCE - underWay;
        const due = await records.claimDue(clock.wallNow(), room, CLAIM_MS);
        for (const one of due) chain(one);
        if (due.length < room) break;
      }
    } catch (error) {
      onProblem({ code: 'store', detail: 'the outbox cannot be read', error });
    }
    lookIn(LOOK_EVERY_MS);
  }

  type Claimed = Delivery & { url: string; secrets: string[] };
  const failing = new Set<string>();

  function chain(one: Claimed): void {
    const { webhookId } = one;
    underWay += 1;
    const turn = (chains.get(webhookId) ?? Promise.resolve()).then(async () => {
      try {
        // Behind one that failed: they come back when the claim has passed, and hold up nobody else.
        if (!failing.has(webhookId)) await deliver(one);
      } catch (error) {
        onProblem({ code: 'store', detail: 'a delivery is not settled', error });
      } finally {
        underWay -= 1;
        if (chains.get(webhookId) === turn) {
          chains.delete(webhookId);
          failing.delete(webhookId);
        }
        if (underWay === MOST_AT_ONCE - 1) lookIn(0);
      }
    });
    chains.set(webhookId, turn);
  }

  async function deliver(one: Claimed): Promise<void> {
    const { id, tenantId, webhookId, body, url, secrets } = one;
    const headers = signedHeaders(id, body, secrets, clock.wallNow());
    const about = {
      method: 'POST' as const,
      headers,
      body,
      maxBytes: MOST_ANSWER_BYTES,
      timeoutMs: REQUEST_TIMEOUT_MS,
    };
    let lastResult: string;
    let status = 0;
    try {
      ({ status } = await send(url, about));
      lastResult = String(status);
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      lastResult = typeof code === 'string' ? code : 'failed';
    }
    const now = clock.wallNow();
    if (status >= 200 && status < 300) {
      options.onDelivery?.('delivered');
      await records.settle(tenantId, id, { status: 'delivered', nextAt: now, lastResult });
      return;
    }
    failing.add(webhookId);
    const wait = status === GONE ? null : waitAfter(one.attempts + 1, random());
    options.onDelivery?.(wait === null ? 'dead' : 'retry');
    if (wait !== null) {
      await records.settle(tenantId, id, { status: 'pending', nextAt: now + wait, lastResult });
      return;
    }
    await records.settle(tenantId, id, { status: 'dead', nextAt: now, lastResult });
    onProblem({ code: 'dead', detail: lastResult, tenantId });
    if (status === GONE) await disable(tenantId, webhookId, 'gone');
    else if (await hasFailedForLong(tenantId, webhookId, now)) await disable(tenantId, webhookId, 'failing');
  }

  async function hasFailedForLong(tenantId: string, webhookId: string, now: number): Promise<boolean> {
    const { rows } = await records.deliveries(tenantId, webhookId, { limit: 200 });
    const good = rows.findIndex(({ status }) => status === 'delivered');
    const sinceThen = good === -1 ? rows : rows.slice(0, good);
    const first = sinceThen.at(-1);
    return first !== undefined && now - first.createdAt >= DISABLE_AFTER_MS;
  }

  async function disable(tenantId: string, webhookId: string, reason: 'gone' | 'failing'): Promise<void> {
    await records.change(tenantId, webhookId, { status: 'disabled' });
    known.delete(tenantId);
    onProblem({ code: 'disabled', detail: reason, tenantId });
    await webhooks.emit(tenantId, 'webhook.disabled', { webhook: webhookId, reason });
  }

  const idFor = (tenantId: string, webhookId: string, once: string | undefined) =>
    once === undefined
      ? newId('msg', clock.wallNow())
      : `msg_${createHash('sha256')
          .update(JSON.stringify([tenantId, webhookId, once]))
          .digest('hex')
          .slice(0, 26)}`;

  const webhooks: Webhooks = {
    async emit(tenantId, type, data, once) {
      const endpoints = (await endpointsOf(tenantId)).filter(
        ({ status, events }) => status === 'active' && (events.length === 0 || events.includes(type)),
      );
      if (endpoints.length === 0) return 0;
      const nextAt = clock.wallNow();
      const body = bodyOf(type, data, nextAt);
      const row = ({ id }: Endpoint) => ({ id: idFor(tenantId, id, once), tenantId, webhookId: id, event: type });
      await records.enqueue(endpoints.map((endpoint) => ({ ...row(endpoint), body, nextAt })));
      lookIn(SOON_MS);
      return endpoints.length;
    },
    async test(tenantId, webhookId) {
      const endpoints = await records.list(tenantId);
      if (!endpoints.some(({ id }) => id === webhookId)) return undefined;
      const id = idFor(tenantId, webhookId, undefined);
      const nextAt = clock.wallNow();
      const body = bodyOf('webhook.test', { webhook: webhookId }, nextAt);
      await records.enqueue([{ id, tenantId, webhookId, event: 'webhook.test', body, nextAt }]);
      lookIn(SOON_MS);
      return id;
    },
    async replay(tenantId, deliveryId) {
      const isQueued = await records.replay(tenantId, deliveryId, clock.wallNow());
      lookIn(SOON_MS);
      return isQueued;
    },
    async rotate(tenantId, webhookId) {
      const endpoint = (await records.list(tenantId)).find(({ id }) => id === webhookId);
      if (!endpoint) return undefined;
      const secret = newWebhookSecret();
      await records.change(tenantId, webhookId, { secrets: [secret, ...endpoint.secrets.slice(0, 1)] });
      known.delete(tenantId);
      return secret;
    },
    forget: (tenantId) => void known.delete(tenantId),
    start() {
      isRunning = true;
      lookIn(0);
    },
    async stop() {
      isRunning = false;
      wake?.cancel();
      wake = null;
      await looking;
      await Promise.all(chains.values());
    },
  };
  return webhooks;
}
