/** Webhooks from the store's outbox to a receiver that checks them as any other would. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createOutbound, type Outbound } from '../outbound/outbound.ts';
import { openStore, type Store } from '../store/store.ts';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { MOST_TRIES, waitAfter } from './schedule.ts';
import { newWebhookSecret } from './signing.ts';
import { createWebhooks, DISABLE_AFTER_MS, type Webhooks } from './webhooks.ts';

const TENANT = 'ten_1';
const DAY_MS = 86_400_000;

interface Got {
  headers: IncomingHttpHeaders;
  body: string;
}
let dir: string;
let store: Store;
let clock: VirtualClock;
let server: Server;
let got: Got[];
let answer: (count: number) => number;
let outbound: Outbound;
let webhooks: Webhooks;
let problems: string[];
let attempts: string[];
let secret: string;
let open: number;
let mostOpen: number;
/** Attempts that are under way. */
let underWay = 0;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-hooks-'));
  got = [];
  problems = [];
  attempts = [];
  open = 0;
  mostOpen = 0;
  answer = () => 204;
  // The library that receivers use looks at the real time.
  clock = virtualClock(0, Date.now());
  store = await openStore({ file: join(dir, 'vjj.db'), masterKey: 'm'.repeat(44), now: () => clock.wallNow() });
  const assistant = { id: 'ast_1', version: 1, document: '{}' };
  const tenant = { id: TENANT, slug: 'one', name: 'One', status: 'active' as const };
  await store.tenants.create({ ...tenant, origins: [], publishableKey: 'pk_1', assistant });
  server = createServer((request, response) => {
    open += 1;
    mostOpen = Math.max(mostOpen, open);
    let body = '';
    request.on('data', (piece: Buffer) => (body += piece.toString()));
    request.on('end', () => {
      got.push({ headers: request.headers, body });
      setImmediate(() => {
        open -= 1;
        response.writeHead(answer(got.length), { location: '/elsewhere' }).end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  outbound = createOutbound({ allowCidrs: ['127.0.0.0/8'], allowHttp: true });
  secret = newWebhookSecret();
  await store.webhooks.add({ ...hook('whk_1'), secrets: [secret] });
  webhooks = createWebhooks({
    ...{ clock, records: counted(store.webhooks), random: () => 0.5 },
    send: (url, request) => {
      underWay += 1;
      return outbound.request(url, request).finally(() => {
        underWay -= 1;
      });
    },
    onDelivery: (result) => attempts.push(result),
    onProblem: ({ code, detail }) => problems.push(`${code} ${detail}`),
  });
});
afterEach(async () => {
  await webhooks.stop();
  expect(clock.pending).toBe(0);
  await outbound.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await store.close();
  rmSync(dir, { recursive: true });
});

const hook = (id: string, events: string[] = []) => ({
  ...{ id, tenantId: TENANT, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${id}`, events },
  status: 'active' as const,
});
const deliveries = async (id = 'whk_1') => (await store.webhooks.deliveries(TENANT, id, { limit: 200 })).rows;
const verified = (one: Got, by = secret) => new Webhook(by).verify(one.body, one.headers as Record<string, string>);
const key = { kid: 'k1', alg: 'ES256' };
/** The same, and what is asked of it is under way until it is answered. */
function counted<T extends object>(records: T): T {
  return new Proxy(records, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const answer = value.apply(target, args);
        underWay += 1;
        void Promise.resolve(answer)
          .catch(() => undefined)
          .finally(() => (underWay -= 1));
        return answer;
      };
    },
  });
}
/** Time passes in steps until the deliveries look so; none passes while an attempt is under way. */
async function until(condition: () => boolean | Promise<boolean>, stepMs = 5_000): Promise<void> {
  await vi.waitFor(
    async () => {
      if (await condition()) return;
      if (underWay === 0) clock.advance(stepMs);
      throw new Error('not yet');
    },
    { timeout: 20_000, interval: 2 },
  );
}
const settled = (status: string) => async () => (await deliveries()).every((one) => one.status === status);

describe('an event', () => {
  it('reaches the endpoint with a signature that the library of Standard Webhooks accepts', async () => {
    webhooks.start();
    expect(await webhooks.emit(TENANT, 'key.created', key)).toBe(1);
    await until(settled('delivered'));
    expect(verified(got[0]!)).toEqual({
      type: 'key.created',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: key,
    });
    const [row] = await deliveries();
    expect(got[0]?.headers['webhook-id']).toBe(row?.id);
    expect(row).toMatchObject({ attempts: 1, lastResult: '204' });
    expect(() => verified({ ...got[0]!, body: got[0]!.body.replace('ES256', 'HS256') })).toThrow();
  });

  it('goes to endpoints that want it, of its tenant alone', async () => {
    await store.webhooks.add({ ...hook('whk_2', ['key.revoked']), secrets: [secret] });
    await store.webhooks.add({ ...hook('whk_3'), status: 'disabled', secrets: [secret] });
    expect(await webhooks.emit(TENANT, 'key.created', key)).toBe(1);
    expect(await webhooks.emit(TENANT, 'key.revoked', { kid: 'k1' })).toBe(2);
    expect(await webhooks.emit('ten_2', 'key.revoked', { kid: 'k1' })).toBe(0);
  });

  it('is signed with both secrets while they rotate, and by name is sent once', async () => {
    const second = await webhooks.rotate(TENANT, 'whk_1');
    await webhooks.emit(TENANT, 'key.created', key, 'k1 was made');
    await webhooks.emit(TENANT, 'key.created', key, 'k1 was made');
    webhooks.start();
    await until(settled('delivered'));
    expect(got).toHaveLength(1);
    verified(got[0]!);
    verified(got[0]!, second);
    const third = await webhooks.rotate(TENANT, 'whk_1');
    expect((await store.webhooks.list(TENANT))[0]?.secrets).toEqual([third, second]);
    expect(await webhooks.rotate(TENANT, 'whk_9')).toBeUndefined();
  });

  it('of a transaction that fails was never sent', async () => {
    const failing = store.within(async () => {
      await webhooks.emit(TENANT, 'key.created', key);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await deliveries()).toEqual([]);
  });

  it('for a test goes to an endpoint whatever it subscribed to', async () => {
    await store.webhooks.change(TENANT, 'whk_1', { events: ['key.revoked'] });
    webhooks.start();
    const id = await webhooks.test(TENANT, 'whk_1');
    await until(settled('delivered'));
    expect(got[0]?.headers['webhook-id']).toBe(id);
    expect(await webhooks.test(TENANT, 'whk_9')).toBeUndefined();
  });
});

describe('a delivery that fails', () => {
  it('is tried eight times within a day, later each time, with the same id, and is then dead until replayed', async () => {
    answer = () => 302;
    webhooks.start();
    await webhooks.emit(TENANT, 'key.created', key);
    const began = clock.wallNow();
    await until(settled('dead'), 1_200_000);
    expect(clock.wallNow() - began).toBeGreaterThan(0.9 * DAY_MS);
    expect(new Set(got.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(got).toHaveLength(MOST_TRIES);
    const times = got.map(({ headers }) => Number(headers['webhook-timestamp']));
    const waits = times.slice(1).map((time, index) => time - times[index]!);
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    const least = waits.map((_, index) => Math.floor(waitAfter(index + 1, 0)! / 1000));
    expect(waits.filter((wait, index) => wait < least[index]! - 1)).toEqual([]);
    expect(problems).toEqual(['dead 302']);
    expect(attempts).toEqual([...Array<string>(MOST_TRIES - 1).fill('retry'), 'dead']);

    answer = () => 200;
    const [row] = await deliveries();
    expect(await webhooks.replay(TENANT, row!.id)).toBe(true);
    await until(settled('delivered'));
    expect(attempts.at(-1)).toBe('delivered');
    expect(await webhooks.replay(TENANT, 'msg_none')).toBe(false);
  });

  it('does not hold up other endpoints, and each gets one at a time', async () => {
    await store.webhooks.add({ ...hook('whk_2'), url: 'http://10.0.0.1/', secrets: [secret] });
    for (let count = 0; count < 30; count += 1) await webhooks.emit(TENANT, 'key.created', key);
    webhooks.start();
    await until(settled('delivered'));
    expect(got).toHaveLength(30);
    expect(mostOpen).toBe(1);
    expect((await deliveries('whk_2')).some(({ lastResult }) => lastResult === 'address-refused')).toBe(true);
    expect((await deliveries('whk_2')).some(({ status }) => status === 'delivered')).toBe(false);
  });

  it('for days disables the endpoint, and others are told', async () => {
    await store.webhooks.add({ ...hook('whk_2', ['webhook.disabled']), secrets: [secret] });
    answer = () => 500;
    webhooks.start();
    await webhooks.emit(TENANT, 'key.created', key);
    await until(settled('dead'), 1_200_000);
    expect((await store.webhooks.list(TENANT)).every(({ status }) => status === 'active')).toBe(true);
    clock.advance(DISABLE_AFTER_MS);
    await webhooks.emit(TENANT, 'key.created', key);
    await until(settled('dead'), 1_200_000);
    answer = () => 200;
    await vi.waitFor(() => expect(problems).toContain('disabled failing'));
    await until(async () => (await deliveries('whk_2')).some(({ status }) => status === 'delivered'));
    const [told] = await deliveries('whk_2');
    expect(JSON.parse(told!.body)).toMatchObject({ data: { webhook: 'whk_1', reason: 'failing' } });
    expect((await store.webhooks.list(TENANT)).find(({ id }) => id === 'whk_1')?.status).toBe('disabled');
  });

  it('with 410 disables the endpoint at once', async () => {
    answer = () => 410;
    webhooks.start();
    await webhooks.emit(TENANT, 'key.created', key);
    await until(settled('dead'));
    await vi.waitFor(() => expect(problems).toEqual(['dead 410', 'disabled gone']));
    webhooks.forget(TENANT);
    expect(await webhooks.emit(TENANT, 'key.created', key)).toBe(0);
  });

  it('in the store is tried again', async () => {
    const real = { ...store.webhooks };
    store.webhooks.claimDue = () => Promise.reject(new Error('locked'));
    webhooks.start();
    await webhooks.emit(TENANT, 'key.created', key);
    await until(() => problems.length > 0);
    Object.assign(store.webhooks, real);
    store.webhooks.settle = () => Promise.reject(new Error('locked'));
    await until(() => problems.includes('store a delivery is not settled'));
    Object.assign(store.webhooks, real);
    await until(settled('delivered'), 60_000);
    expect(got.length).toBeGreaterThan(1);
  });
});

it('eight tries fit into a day, give or take the jitter', () => {
  const total = (random: number) =>
    Array.from({ length: MOST_TRIES }, (_, index) => waitAfter(index + 1, random) ?? 0).reduce(
      (sum, ms) => sum + ms,
      0,
    );
  expect(waitAfter(MOST_TRIES, 0.5)).toBeNull();
  expect(total(0)).toBeGreaterThan(0.85 * DAY_MS);
  expect(total(0.999)).toBeLessThan(1.15 * DAY_MS);
});
