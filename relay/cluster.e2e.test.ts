/**
 * The whole product as customers run it: nginx as it is shipped, two built relays, Redis, Postgres and a
 * model, each a process of its own, and people who talk through nginx while one part after another is
 * frozen, killed or replaced.
 */
import { readdirSync } from 'node:fs';
import { request, type IncomingMessage, type RequestOptions } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CLOSE } from '#wire';
import { PAGE_ORIGIN, startCluster, type Cluster, type ClusterRelay, type Visitor } from './testing/cluster.ts';
import { speech } from './testing/speech.ts';
import type { ReturningPage } from './continuity/testing/returning-page.ts';

const HOURS = 'What are your opening hours?';
const OPEN =
  'We are open from nine in the morning until six in the evening, Monday to Friday, and on Saturdays until noon.';
const SCRIPT = '/voice-jib-jab.js';
/** Requests of one address that the cluster of this test takes in its window. */
const MOST_REQUESTS = 20;
/** Of a machine that has much else to do. */
const LONGEST_MS = 240_000;
const WAIT = { timeout: 30_000, interval: 50 };

let cluster: Cluster;
let acme: { id: string; key: string };
beforeAll(async () => {
  cluster = await startCluster({ RATE_LIMIT_MAX_REQUESTS: String(MOST_REQUESTS) });
  acme = await cluster.tenant('Acme');
}, 60_000);
afterAll(() => cluster.stop());

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${cluster.url}${path}`, {
    headers: { 'x-forwarded-for': cluster.newcomer(), ...headers },
    redirect: 'manual',
  });

/** From an address of the loopback that nobody trusts. */
function fromStranger(options: RequestOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(cluster.url, { ...options, localAddress: '127.0.0.2' }, (answer: IncomingMessage) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on('error', reject).end();
  });
}

async function conversation(key = acme.key, at?: string): Promise<Visitor> {
  const visitor = cluster.visitor(key);
  await visitor.comeIn(at);
  expect(await visitor.page.ask(HOURS)).toBe(OPEN);
  return visitor;
}

const samplesOf = (parts: Int16Array[]) => Int16Array.from(parts.flatMap((part) => [...part]));
/** To the sample; how many says more than which. */
function expectSame(heard: Int16Array, whole: Int16Array): void {
  expect(heard.length).toBe(whole.length);
  expect(heard.findIndex((sample, at) => sample !== whole[at])).toBe(-1);
}
/** What is heard of an answer that nothing disturbs. */
async function soundOf(page: ReturningPage): Promise<Int16Array> {
  const from = page.heard.length;
  expect(await page.ask(HOURS)).toBe(OPEN);
  return samplesOf(page.heard.slice(from));
}
interface RecordRow {
  id: string;
  turns: number;
  closeCode: number;
  startedAt: number;
  turnRows: unknown[];
  usage: { lane: string; kind: string; cost: number }[];
}
async function recordOf(tenant: string, session: string): Promise<RecordRow> {
  const answer = await cluster.operator(`/admin/tenants/${tenant}/sessions/${session}`);
  return (await answer.json()) as RecordRow;
}
const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
const outcomes = (page: ReturningPage) => page.all('turn.ended').map(({ outcome }) => outcome);
const codes = (page: ReturningPage) => page.closes.map(({ code }) => code);

describe('nginx before two relays', () => {
  it('has a configuration without a complaint', () => {
    const lines = cluster.nginx.verdict.trim().split('\n');
    expect(lines.filter((line) => !/syntax is ok$|test is successful$/.test(line))).toEqual([]);
    expect(lines).toHaveLength(2);
  });

  it('gives out what was built: packed, with the headers that customers are promised, a version for ever', async () => {
    const script = await get(SCRIPT, { 'accept-encoding': 'gzip' });
    expect(script.status).toBe(200);
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(script.headers.get('cache-control')).toBe('public, max-age=300, stale-while-revalidate=86400');
    expect(script.headers.get('access-control-allow-origin')).toBe('*');
    expect(script.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(script.headers.get('x-content-type-options')).toBe('nosniff');
    expect(script.headers.get('strict-transport-security')).toBeNull();
    const large = await get('/voice-jib-jab.worklet.js', { 'accept-encoding': 'gzip' });
    expect(large.headers.get('content-encoding')).toBe('gzip');
    expect(large.headers.get('vary')).toContain('Accept-Encoding');

    const [number = ''] = readdirSync(new URL('../dist/v', import.meta.url));
    const version = await get(`/v/${number}${SCRIPT}`);
    expect([version.status, version.headers.get('cache-control')]).toEqual([
      ...[200, 'public, max-age=31536000, immutable'],
    ]);

    for (const [scheme, socket] of [
      ['http', 'ws'],
      ['https', 'wss'],
    ] as const) {
      const page = await get('/console/tenants/acme', { 'x-forwarded-proto': scheme });
      expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      const policy = page.headers.get('content-security-policy');
      expect(policy).toContain("default-src 'none'; script-src 'self';");
      expect(policy).toContain(`connect-src 'self' ${socket}://${new URL(cluster.url).host};`);
      expect(page.headers.get('x-frame-options')).toBe('DENY');
      expect(page.headers.get('referrer-policy')).toBe('no-referrer');
      expect(page.headers.get('strict-transport-security')).toBe(scheme === 'https' ? 'max-age=31536000' : null);
    }
    const root = await get('/');
    expect([root.status, root.headers.get('location')]).toEqual([302, '/console/']);
    for (const hidden of ['/metrics', '/health', '/relay/main.js', '/v/../relay/main.js', '/api/../metrics'])
      expect((await get(hidden)).status).toBe(404);
  });

  it('leads to the API, and refuses bodies that are too large', async () => {
    // The relays hear of each other within a second or two.
    await vi.waitFor(async () => {
      const status = await (await get('/api/status')).json();
      expect(status).toMatchObject({ status: 'ok', instances: 2, isSharedStateUp: true });
    }, WAIT);
    expect(await (await get('/health/ready')).json()).toMatchObject({ status: 'ready' });
    expect((await cluster.operator(`/admin/tenants/${acme.id}`)).status).toBe(200);
    const post = (bytes: number) =>
      fetch(`${cluster.url}/api/token`, { method: 'POST', body: 'x'.repeat(bytes), headers: { origin: PAGE_ORIGIN } });
    // By nginx, and by the relay behind it.
    expect((await post(1_100_000)).status).toBe(413);
    const refused = await post(9_000);
    expect([refused.status, refused.headers.get('content-type')]).toEqual([413, 'application/problem+json']);
  });

  it('tells the relays who asks, which count each by one limit, whichever they reach', async () => {
    const ask = async (address: string) => (await get('/api/status', { 'x-forwarded-for': address })).status;
    const answers = await Promise.all(Array.from({ length: MOST_REQUESTS + 5 }, () => ask('203.0.113.7')));
    expect(answers.filter((status) => status === 200)).toHaveLength(MOST_REQUESTS);
    expect(answers.filter((status) => status === 429)).toHaveLength(5);
    expect(await ask('203.0.113.8')).toBe(200);
    // What nobody trusts says of itself in vain that it is somebody else.
    const strangers = await Promise.all(
      Array.from({ length: MOST_REQUESTS + 1 }, (_, at) =>
        fromStranger({ path: '/api/status', headers: { 'x-forwarded-for': `203.0.114.${at}` } }),
      ),
    );
    expect(strangers.filter((status) => status === 429)).toHaveLength(1);
  });

  it('carries a whole spoken conversation, which is in the record afterwards', async () => {
    const visitor = cluster.visitor(acme.key);
    await visitor.comeIn();
    const { page } = visitor;
    await page.say(await speech(HOURS));
    await page.received('turn.ended', ({ outcome }) => outcome === 'answered');
    expect(page.all('transcript.done').map(({ role, text }) => [role, text])).toEqual([
      ['user', expect.stringMatching(/opening hours/i)],
      ['agent', OPEN],
    ]);
    expect(page.heard.length).toBeGreaterThan(0);
    await visitor.leave();
    expect(codes(page)).toEqual([1000]);
    await vi.waitFor(async () => {
      expect(await recordOf(acme.id, page.session)).toMatchObject({ turns: 1, closeCode: 1000, origin: PAGE_ORIGIN });
    }, WAIT);
  });
});

describe('a connection that is lost while its relay lives', () => {
  it(
    'comes back through nginx by either relay, and neither a word nor a sample is missing',
    async () => {
      const visitor = await conversation();
      const { page } = visitor;
      const owner = await cluster.ownerOf(page);
      const whole = await soundOf(page);
      const from = cluster.nginx.requests().length;
      const reached = () =>
        cluster.nginx
          .requests()
          .slice(from)
          .filter(({ path }) => path === '/ws')
          .map(({ upstream }) => `http://${upstream}`);
      // Each connection is in the log when it is over.
      for (let cuts = 0; cuts < 2 || new Set(reached()).size < 2; cuts += 1) {
        expect(cuts).toBeLessThan(12);
        const heard = page.heard.length;
        const answer = page.ask(HOURS);
        await page.until(() => page.heard.length > heard + 50);
        page.cut();
        await visitor.comeBack();
        expect(await answer).toBe(OPEN);
        expectSame(samplesOf(page.heard.slice(heard)), whole);
        page.cut();
        await visitor.comeBack();
      }
      const resumed = page.all('session.resumed');
      expect(new Set(resumed.map(({ kept }) => kept))).toEqual(new Set(['all']));
      expect(await cluster.ownerOf(page)).toBe(owner);

      const turns = page.all('turn.ended').length;
      const saying = page.say(await speech(HOURS));
      await page.until(() => page.all('ack').some(({ frames }) => frames > 1));
      page.cut();
      await visitor.comeBack();
      await saying;
      await page.until(() => page.all('turn.ended').length > turns);
      expect(page.all('transcript.done').findLast(({ role }) => role === 'user')?.text).toMatch(/opening hours/i);
      expect(new Set(outcomes(page))).toEqual(new Set(['answered']));
    },
    LONGEST_MS,
  );
});

describe('Redis that is away', () => {
  it(
    'frozen, killed and back: conversations do not notice, and newcomers have the share of their relay',
    async () => {
      const [a, b] = cluster.relays;
      const { key, id } = await cluster.tenant('Small');
      const now = await cluster.operator(`/admin/tenants/${id}/limits`);
      const headers = { 'if-match': now.headers.get('etag') ?? '' };
      const narrowed = await cluster.operator(`/admin/tenants/${id}/limits`, {
        ...{ method: 'PUT', body: { concurrentSessions: 4 }, headers },
      });
      expect(narrowed.status).toBe(200);
      const { page } = await conversation();
      // Four for both, and each knows of the other.
      for (const relay of [a, b]) {
        await vi.waitFor(async () => expect(await relay.status()).toMatchObject({ instances: 2 }), WAIT);
      }
      const isUp = (isSharedStateUp: boolean) =>
        vi.waitFor(async () => {
          for (const relay of [a, b]) expect(await relay.status()).toMatchObject({ isSharedStateUp });
        }, WAIT);
      const knocks = (relay: ClusterRelay) =>
        cluster
          .visitor(key)
          .comeIn(relay.ws)
          .then(
            () => 'in',
            (error: unknown) => (error as Error).message,
          );

      cluster.redis.freeze();
      expect(await page.ask(HOURS)).toBe(OPEN);
      expect([await knocks(a), await knocks(a), await knocks(a)]).toEqual(['in', 'in', `refused with ${CLOSE.busy}`]);
      expect((await conversation()).page.isOpen).toBe(true);
      await isUp(false);

      await cluster.redis.kill();
      expect(await page.ask(HOURS)).toBe(OPEN);
      expect((await conversation()).page.isOpen).toBe(true);

      await cluster.redis.restart();
      await isUp(true);
      // What was given out meanwhile counts: two are left of the four.
      expect([await knocks(b), await knocks(b), await knocks(b)]).toEqual(['in', 'in', `refused with ${CLOSE.busy}`]);
      expect(await knocks(a)).toBe(`refused with ${CLOSE.busy}`);
      expect(await page.ask(HOURS)).toBe(OPEN);
      expect(codes(page)).toEqual([]);
    },
    LONGEST_MS,
  );
});

describe('Postgres that is away', () => {
  it(
    'frozen, killed and back: conversations do not notice, newcomers are let in, and all is written once',
    async () => {
      const { postgres, relays } = cluster;
      const books = await cluster.tenant('Books');
      // Each has served the tenant before.
      const first = await conversation(books.key, relays[0].ws);
      const second = await conversation(books.key, relays[1].ws);
      const talker = await conversation(books.key);
      const turns: Record<string, number> = {};
      const asks = async ({ page }: Visitor) => {
        expect(await page.ask(HOURS)).toBe(OPEN);
        turns[page.session] = (turns[page.session] ?? 1) + 1;
      };
      const readiness = (status: string) =>
        vi.waitFor(async () => {
          for (const relay of relays) expect(await relay.readiness()).toBe(status);
        }, WAIT);

      postgres.freeze();
      await asks(talker);
      const newcomer = await conversation(books.key);
      await readiness('degraded');
      const refused = await cluster.operator('/admin/tenants');
      expect([refused.status, refused.headers.get('content-type')]).toEqual([503, 'application/problem+json']);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      await newcomer.leave();
      await vi.waitFor(() => expect(relays.flatMap((relay) => relay.spooled())).not.toEqual([]), WAIT);

      await postgres.kill();
      await asks(talker);
      const another = await conversation(books.key);
      await asks(another);
      await first.leave();

      await postgres.restart();
      await readiness('ready');
      await asks(talker);
      const all = [first, second, talker, newcomer, another];
      expect([...codes(second.page), ...codes(talker.page), ...codes(another.page)]).toEqual([]);
      await Promise.all([second, talker, another].map((visitor) => visitor.leave()));

      const sessions = all.map(({ page }) => page.session);
      for (const session of sessions) turns[session] ??= 1;
      await vi.waitFor(async () => {
        expect(relays.flatMap((relay) => relay.spooled())).toEqual([]);
        const rows = await Promise.all(sessions.map((session) => recordOf(books.id, session)));
        expect(Object.fromEntries(rows.map((one) => [one.id, one.turns]))).toEqual(turns);
        for (const { id, closeCode, turnRows, usage } of rows) {
          expect([closeCode, turnRows.length]).toEqual([1000, turns[id]]);
          // Each answer was billed, and once.
          const answers = usage.filter(({ lane, kind }) => lane === 'B' && kind === 'audio.output');
          expect(answers).toHaveLength(turns[id] ?? 0);
        }
        const days = new Set(rows.map(({ startedAt }) => new Date(startedAt).toISOString().slice(0, 10)));
        const counts = await cluster.look((store) => store.usage.counts(books.id, [...days]));
        const billed = rows.flatMap(({ usage }) => usage.map(({ cost }) => cost));
        expect(sum(counts.map(({ cost }) => cost))).toBe(sum(billed));
      }, WAIT);
    },
    LONGEST_MS,
  );
});

describe('relays that are replaced', () => {
  it(
    'one after the other under ten conversations: no answer ends in its middle, and everybody comes back',
    async () => {
      const visitors = Array.from({ length: 10 }, () => cluster.visitor(acme.key));
      await Promise.all(visitors.map((visitor) => visitor.comeIn()));
      const sounds = await Promise.all(visitors.map(({ page }) => soundOf(page)));
      const names = visitors.map(({ page }) => page.session);
      let isOver = false;
      const talks = Promise.all(
        visitors.map(async (visitor, at) => {
          visitor.stay();
          while (!isOver) expectSame(await soundOf(visitor.page), sounds[at]!);
        }),
      );
      const replaced = (async () => {
        for (const relay of cluster.relays) {
          expect(await relay.terminate()).toBe(0);
          await relay.start();
        }
        isOver = true;
      })();
      await Promise.all([talks, replaced]);
      for (const [at, { page }] of visitors.entries()) {
        expect(page.session).toBe(names[at]);
        expect(new Set(outcomes(page))).toEqual(new Set(['answered']));
        expect(page.all('session.resumed').length).toBeGreaterThan(0);
        expect(await page.ask('What did you say?')).toBe(`I said: ${OPEN}`);
      }
      await Promise.all(visitors.map((visitor) => visitor.leave()));
    },
    LONGEST_MS,
  );
});

describe('a relay that is killed', () => {
  it('loses no conversation: the other goes on with it, and knows what was said', async () => {
    const visitor = await conversation();
    const { page } = visitor;
    const { session } = page;
    const owner = await cluster.ownerOf(page);
    page.send({ type: 'user.text', text: 'Tell me a story.' });
    const heard = page.heard.length;
    await page.until(() => page.heard.length > heard + 40);
    const died = performance.now();
    await owner.kill();
    await page.until(() => !page.isOpen);
    const from = page.messages.length;
    await visitor.comeBack();
    await page.until(() => page.messages.slice(from).some((one) => one.type === 'provider.changed' && one.up));
    const tookMs = Math.round(performance.now() - died);
    process.stdout.write(`the conversation of a killed relay was back after ${tookMs} ms\n`);
    expect(page.all('session.resumed')).toMatchObject([{ kept: 'memory', session }]);
    expect(await page.ask(HOURS)).toBe(OPEN);
    expect(await page.ask('What did you say?')).toBe(`I said: ${OPEN}`);
    expect(await cluster.ownerOf(page)).not.toBe(owner);
    await owner.start();
  });
});
