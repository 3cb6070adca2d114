/**
 * The whole system in one process group: Postgres, Redis, a model provider with a gate before it, and
 * two relays that share all three. Scenarios get tenants of their own on it, and further relays
 * where they need one that is set up otherwise.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { readConfig } from '../../relay/config.ts';
import { createLog } from '../../relay/log.ts';
import { claimsFor, hs256, jws } from '../../relay/security/testing/forge.ts';
import { startRelay, type Relay, type StartOptions } from '../../relay/start.ts';
import { startPostgres, type TestPostgres } from '../../relay/testing/postgres.ts';
import { startRedis, type TestRedis } from '../../relay/testing/redis.ts';
import { startNode, type Running } from '../load/processes.ts';
import { startProvider, type Provider } from './provider.ts';

const ADMIN = 'operator-of-the-stress-0123456789';
const MASTER_KEY = Buffer.alloc(32, 7).toString('base64');
/** How long a conversation without a connection is kept here: nobody has a minute. */
export const RESUME_WINDOW_MS = 2_500;

export interface Instance {
  relay: Relay;
  port: number;
  /** Of its door. */
  url: string;
  /** Lines of its log. */
  logged: string[];
}

export interface RelayProcess {
  port: number;
  url: string;
  /** Dies in the middle of whatever it does. */
  kill: () => Promise<void>;
}

export interface RelayOptions {
  env?: Record<string, string>;
  start?: Partial<StartOptions>;
  /** With the stage's Postgres and Redis; otherwise with a file and alone. */
  isShared?: boolean;
}

export interface Tenant {
  id: string;
  slug: string;
  origin: string;
  publishableKey: string;
  /** A token for `subject`, good for five minutes, with other claims where they are given. */
  token: (subject?: string, over?: Record<string, unknown>) => string;
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

export interface Stage {
  readonly a: Instance;
  readonly b: Instance;
  provider: Provider;
  redis: TestRedis;
  postgres: TestPostgres;
  /** Looks into Redis from beside. */
  spy: Redis;
  ask: (at: { port: number }, method: string, to: string, body?: unknown, as?: string) => Promise<Answer>;
  /** The operator's API, of the first relay unless another is named. @throws when it refuses. */
  manage: <T = Record<string, string>>(method: string, to: string, body?: unknown, at?: { port: number }) => Promise<T>;
  tenant: (limits?: Record<string, number | null>, at?: { port: number }) => Promise<Tenant>;
  /** A relay of the scenario's own; stopped after it, if the scenario did not. */
  open: (options: RelayOptions) => Promise<Instance>;
  /** A relay with the stage's Postgres and Redis in a process of its own, which can die. */
  process: () => Promise<RelayProcess>;
  /** Stops one of the two and starts another in its place. */
  replace: (which: 'a' | 'b', drainMs: number) => Promise<void>;
  /** After each scenario: whatever it changed is as before. */
  tidy: () => Promise<void>;
  stop: () => Promise<void>;
}

export async function setStage(say: (text: string) => void): Promise<Stage> {
  const dir = mkdtempSync(path.join(tmpdir(), 'vjj-stress-'));
  const staticRoot = path.join(dir, 'dist');
  mkdirSync(path.join(staticRoot, 'demo'), { recursive: true });
  writeFileSync(path.join(staticRoot, 'demo', 'index.html'), '<!doctype html><title>Demo</title>');
  writeFileSync(path.join(staticRoot, 'voice-jib-jab.js'), 'export {};');
  const closers: (() => Promise<unknown> | void)[] = [() => rmSync(dir, { recursive: true, force: true })];
  const stop = async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  };
  try {
    return await build();
  } catch (error) {
    await stop();
    throw error;
  }

  async function build(): Promise<Stage> {
    say('Postgres, Redis and the provider start');
    const [postgres, redis, provider] = await Promise.all([startPostgres(), startRedis(), startProvider()]);
    closers.push(() => postgres.stop());
    closers.push(() => redis.stop());
    closers.push(() => provider.stop());
    const database = await postgres.database();
    const spy = new Redis(redis.url, { lazyConnect: true, maxRetriesPerRequest: 1 });
    spy.on('error', () => undefined);
    await spy.connect();
    closers.push(() => spy.disconnect());

    let made = 0;
    function environment(env: Record<string, string>, isShared: boolean): Record<string, string> {
      made += 1;
      const dataDir = path.join(dir, `relay-${made}`);
      return {
        ...{ PORT: '0', HOST: '127.0.0.1', DATA_DIR: dataDir, LOG_LEVEL: 'debug', ADMIN_TOKEN: ADMIN, MASTER_KEY },
        ...{ OPENAI_API_KEY: 'sk-for-the-stress', OPENAI_BASE_URL: provider.url, RATE_LIMIT_MAX_REQUESTS: '1000000' },
        ...{ LANE_A_ENABLED: 'false', IDLE_PROMPT_MS: '0', POLICY_BUDGET_MS: '10000' },
        // A busy machine makes a scenario longer, not different.
        ...{ CREATE_TIMEOUT_MS: '30000', FIRST_AUDIO_TIMEOUT_MS: '30000', STALL_MS: '30000' },
        ...(isShared && { DATABASE_URL: database, REDIS_URL: redis.url }),
        ...env,
      };
    }
    async function start({ env = {}, start: over = {}, isShared = false }: RelayOptions): Promise<Instance> {
      const settings = environment(env, isShared);
      const config = readConfig(settings);
      const logged: string[] = [];
      const log = createLog({ level: 'debug', destination: { write: (line: string) => void logged.push(line) } });
      const { door, ...others } = over;
      // No setting of an operator's: nobody has to make it shorter but us.
      const socket = { ...config.socket, resumeWindowMs: RESUME_WINDOW_MS };
      const relay = await startRelay(
        { ...config, socket },
        { log, staticRoot, door: { closeTimeoutMs: 300, deadlineMs: 20_000, ...door }, ...others },
      );
      return { relay, port: relay.port, url: `ws://127.0.0.1:${relay.port}/ws`, logged };
    }

    say('two relays start');
    // One after the other: the first makes the tables.
    const pair = { a: await start({ isShared: true }), b: await start({ isShared: true }) };
    closers.push(() => Promise.all([pair.a.relay.stop(0), pair.b.relay.stop(0)]));
    const others = new Set<Instance>();
    const processes = new Set<Running>();

    const ask: Stage['ask'] = ({ port }, method, to, body, as) =>
      new Promise((resolve, reject) => {
        const text = body === undefined ? undefined : JSON.stringify(body);
        const headers = {
          ...(as !== undefined && { authorization: `Bearer ${as}` }),
          ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        };
        const asked = http.request({ host: '127.0.0.1', port, method, path: to, headers, agent: false }, (answer) => {
          let got = '';
          answer.setEncoding('utf8').on('data', (piece: string) => (got += piece));
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: got }));
        });
        asked.on('error', reject);
        asked.end(text);
      });
    const manage: Stage['manage'] = async (method, to, body, at = pair.a) => {
      const answer = await ask(at, method, `/api/admin${to}`, body, ADMIN);
      if (answer.status >= 300) throw new Error(`${method} ${to}: ${answer.status} ${answer.text}`);
      return (answer.text === '' ? undefined : JSON.parse(answer.text)) as never;
    };

    return {
      get a() {
        return pair.a;
      },
      get b() {
        return pair.b;
      },
      ...{ provider, redis, postgres, spy, ask, manage },
      async tenant(limits = {}, at = pair.a) {
        const slug = `t${randomUUID().slice(0, 8)}`;
        const origin = `https://${slug}.example`;
        const row = await manage('POST', '/tenants', { name: slug, slug, origins: [origin] }, at);
        const { id = '', publishableKey = '' } = row;
        const wide = { concurrentSessions: 1_000, connectsPerMinute: 100_000, requestsPerMinute: 100_000 };
        await manage('PUT', `/tenants/${id}/limits`, { ...wide, ...limits }, at);
        const secret = Buffer.from(`secret of ${slug} `.padEnd(40, '.'));
        const key = { kind: 'secret', name: 'Backend', kid: 'backend', secret: secret.toString('base64url') };
        await manage('POST', `/tenants/${id}/signing-keys`, key, at);
        return {
          ...{ id, slug, origin, publishableKey },
          token(subject = 'somebody', over = {}) {
            const claims = { ...claimsFor(id, origin), sub: subject, ...over };
            return jws({ alg: 'HS256', kid: 'backend' }, claims, hs256(secret));
          },
        };
      },
      async open(options) {
        const instance = await start(options);
        others.add(instance);
        return instance;
      },
      async process() {
        const runner = path.resolve(import.meta.dirname, '../../scripts/run-bench.mjs');
        const settings = environment({ LOG_LEVEL: 'info' }, true);
        const running = await startNode(
          ['--expose-internals', runner, 'stress', '--instance'],
          settings,
          /"port":(\d+)/,
        );
        processes.add(running);
        const port = Number(running.match[1]);
        return {
          ...{ port, url: `ws://127.0.0.1:${port}/ws` },
          async kill() {
            process.kill(running.pid, 'SIGKILL');
            await running.ended;
            processes.delete(running);
          },
        };
      },
      async replace(which, drainMs) {
        await pair[which].relay.stop(drainMs);
        pair[which] = await start({ isShared: true });
      },
      async tidy() {
        provider.reset();
        for (const instance of others) await instance.relay.stop(0);
        others.clear();
        for (const running of processes) await running.stop();
        processes.clear();
        for (const instance of [pair.a, pair.b]) instance.logged.length = 0;
      },
      stop,
    };
  }
}
