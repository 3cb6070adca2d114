/**
 * The product as it runs for customers, on one machine: nginx before two built relays, Redis, Postgres,
 * and a model, each a process of its own on the loopback. Any of them can be frozen, killed and started
 * again; people come in through nginx. Whoever starts it stops it.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort, startEmulatorProcess, startNode, type Running } from '../../bench/load/processes.ts';
import { returningPage, type ReturningPage } from '../continuity/testing/returning-page.ts';
import type { Status } from '../http/health.ts';
import { openStore, type Store } from '../store/store.ts';
import { startNginx, type TestNginx } from './nginx.ts';
import { startPostgres, type TestPostgres } from './postgres.ts';
import { startRedis, type TestRedis } from './redis.ts';

export const PAGE_ORIGIN = 'https://www.acme.example';
const OPERATOR = 'operator-token-of-the-cluster';
const MASTER_KEY = 'm'.repeat(44);
const DIST = path.resolve(import.meta.dirname, '../../dist');
/** A widget waits longer; tests have less time than people. */
const RETRY_MS = 50;

export interface ClusterRelay {
  readonly url: string;
  /** Past nginx. */
  readonly ws: string;
  status(): Promise<Status>;
  readiness(): Promise<string>;
  /** Files of what waits to be written. */
  spooled(): string[];
  kill(): Promise<void>;
  /** @returns its exit code, after the conversations have gone. */
  terminate(): Promise<number | null>;
  /** At the same place as before. */
  start(): Promise<void>;
}

/** Somebody with a page, at an address of their own. */
export interface Visitor {
  readonly page: ReturningPage;
  /** Begins a conversation. @throws when it is refused. @param at - Past nginx, where that is wanted. */
  comeIn(at?: string): Promise<void>;
  /** As a widget does: at once, and then again until somebody answers. */
  comeBack(): Promise<void>;
  /** Comes back after each loss, until it leaves. */
  stay(): void;
  /** Says goodbye. */
  leave(): Promise<void>;
}

export interface Cluster {
  readonly nginx: TestNginx;
  readonly redis: TestRedis;
  readonly postgres: TestPostgres;
  readonly relays: readonly [ClusterRelay, ClusterRelay];
  /** Of nginx. */
  readonly url: string;
  /** An address that nobody has asked from, for `X-Forwarded-For`. */
  newcomer(): string;
  /** The operator's call through nginx. */
  operator(path: string, init?: { method: string; body: unknown; headers?: Record<string, string> }): Promise<Response>;
  tenant(name: string): Promise<{ id: string; key: string }>;
  visitor(key: string): Visitor;
  /** Which of the relays has the conversation, as the database says. */
  ownerOf(page: ReturningPage): Promise<ClusterRelay>;
  /** The database, beside the relays. */
  look<T>(work: (store: Store) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export async function startCluster(env: Record<string, string> = {}): Promise<Cluster> {
  const root = mkdtempSync(path.join(tmpdir(), 'vjj-cluster-'));
  const stops: (() => unknown)[] = [() => rmSync(root, { recursive: true, force: true })];
  /** The newest first: what others lean on goes last. */
  async function stop(): Promise<void> {
    for (const one of stops.splice(0).reverse()) await one();
  }
  /** What runs already does not outlive a start that fails. */
  async function kept<T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> {
    const running = await starting.catch((error: unknown) => stop().then(() => Promise.reject(error)));
    stops.push(() => running.stop());
    return running;
  }
  const postgres = await kept(startPostgres());
  const redis = await kept(startRedis());
  const emulator = await kept(startEmulatorProcess(DIST, {}));
  const [listen, one, other] = [await freePort(), await freePort(), await freePort()];
  const database = await postgres.database();
  const url = `http://127.0.0.1:${listen}`;
  const shared = {
    ...{ NODE_ENV: 'production', PUBLIC_URL: url, TRUSTED_PROXIES: '127.0.0.1', HOST: '127.0.0.1', HOME: root },
    ...{ DATABASE_URL: database, REDIS_URL: redis.url, MASTER_KEY, ADMIN_TOKEN: OPERATOR },
    ...{ OPENAI_API_KEY: 'sk-emulator', OPENAI_BASE_URL: emulator.url, LANE_A_ENABLED: 'false' },
    // A busy machine is no failure of a part.
    ...{ POLICY_BUDGET_MS: '10000', CREATE_TIMEOUT_MS: '60000', FIRST_AUDIO_TIMEOUT_MS: '60000' },
    ...{ STALL_MS: '60000', DONE_TIMEOUT_MS: '60000', ...env },
  };

  let addresses = 0;
  const newcomer = () => `100.${64 + (addresses >> 8)}.${(addresses += 1) & 255}.1`;

  function relayAt(port: number): ClusterRelay {
    const data = path.join(root, `data-${port}`);
    const at = `http://127.0.0.1:${port}`;
    let running: Running | undefined;
    let isRunning = false;
    const ended = async () => (await running?.ended) ?? null;
    return {
      ...{ url: at, ws: `ws://127.0.0.1:${port}/ws` },
      async status() {
        const headers = { 'x-forwarded-for': newcomer() };
        return (await (await fetch(`${at}/api/status`, { headers })).json()) as Status;
      },
      readiness: async () => ((await (await fetch(`${at}/health/ready`)).json()) as { status: string }).status,
      spooled: () => readdirSync(path.join(data, 'spool')),
      async kill() {
        // It may have ended already, as it was asked to.
        if (isRunning && running) process.kill(running.pid, 'SIGKILL');
        await ended();
      },
      async terminate() {
        if (running) process.kill(running.pid, 'SIGTERM');
        return ended();
      },
      async start() {
        const own = { PORT: String(port), DATA_DIR: data, INSTANCE_URL: at, LOG_LEVEL: 'info' };
        running = await startNode([path.join(DIST, 'relay/main.js')], { ...shared, ...own }, /relay started/);
        isRunning = true;
        void running.ended.then(() => (isRunning = false));
      },
    };
  }
  const relays = [relayAt(one), relayAt(other)] as const;
  stops.push(() => Promise.all(relays.map((relay) => relay.kill())));
  const starting = await Promise.allSettled(relays.map((relay) => relay.start()));
  const failed = starting.find((one) => one.status === 'rejected');
  if (failed) await stop().then(() => Promise.reject(failed.reason));
  const nginx = await kept(startNginx({ listen, relays: [one, other] }));

  const look: Cluster['look'] = async (work) => {
    const store = await openStore({ url: database, masterKey: MASTER_KEY, now: () => Date.now() });
    return work(store).finally(() => store.close());
  };
  const operator: Cluster['operator'] = (where, init) =>
    fetch(`${url}/api${where}`, {
      method: init?.method ?? 'GET',
      headers: {
        authorization: `Bearer ${OPERATOR}`,
        'content-type': 'application/json',
        'x-forwarded-for': newcomer(),
        ...init?.headers,
      },
      ...(init && { body: JSON.stringify(init.body) }),
    });

  function visitor(key: string): Visitor {
    // What stands before nginx in production writes it.
    const headers = { 'x-forwarded-for': newcomer() };
    let held: string | undefined;
    let hasLeft = false;
    const page = returningPage(async () => {
      if (held !== undefined) return held;
      const body = JSON.stringify({ tenant: key });
      const asking = { 'content-type': 'application/json', origin: PAGE_ORIGIN, ...headers };
      const answer = await fetch(`${url}/api/token`, { method: 'POST', headers: asking, body });
      const { token } = (await answer.json()) as { token?: string };
      if (token === undefined) throw new Error(`no token: ${answer.status}`);
      return (held = token);
    }, PAGE_ORIGIN);
    stops.push(() => page.leave());
    const door = `${url.replace('http', 'ws')}/ws`;
    const hellos = () => page.all('session.created').length + page.all('session.resumed').length;
    async function comeBack(): Promise<void> {
      const before = hellos();
      for (;;) {
        await page.connect(door, { back: 'with-counts', headers }).catch(() => undefined);
        if (hellos() > before || hasLeft) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    return {
      ...{ page, comeBack },
      async comeIn(at = door) {
        await page.connect(at, { headers });
        if (page.all('session.created').length === 0) {
          await page.until(() => page.closes.length > 0);
          throw new Error(`refused with ${String(page.closes[0]?.code)}`);
        }
        page.start();
        await page.received('provider.changed', ({ up }) => up);
      },
      stay() {
        void (async () => {
          for (let closes = page.closes.length; ; closes = page.closes.length) {
            await page.until(() => page.closes.length > closes, 600_000);
            if (hasLeft) return;
            if (!page.isOpen) await comeBack();
          }
        })();
      },
      async leave() {
        hasLeft = true;
        const closes = page.closes.length;
        page.send({ type: 'session.end' });
        await page.until(() => page.closes.length > closes);
        page.leave();
      },
    };
  }

  return {
    ...{ nginx, redis, postgres, relays, url, newcomer, operator, visitor, look },
    async tenant(name) {
      const body = { name, slug: name.toLowerCase(), origins: [PAGE_ORIGIN] };
      const answer = await operator('/admin/tenants', { method: 'POST', body });
      const made = (await answer.json()) as { id: string; publishableKey: string };
      if (answer.status !== 201) throw new Error(`no tenant: ${JSON.stringify(made)}`);
      return { id: made.id, key: made.publishableKey };
    },
    async ownerOf(page) {
      const [found] = await look((store) => store.checkpoints.find(page.session));
      const owner = relays.find((relay) => relay.url === found?.holderUrl);
      if (!owner) throw new Error(`nobody has it: ${JSON.stringify(found)}`);
      return owner;
    },
    stop,
  };
}
