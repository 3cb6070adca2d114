/** Several relays on one database, and a page that comes back to whichever it reaches. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { FELLOW_HEADER } from './continuity/fellow-header.ts';
import { PAGE_ORIGIN, startFleet, type Fleet, type FleetMember } from './continuity/testing/fleet.ts';
import type { ReturningPage } from './continuity/testing/returning-page.ts';
import { instanceUrl } from './fellows.ts';
import { openStore } from './store/store.ts';
import { postgresDatabase } from './testing/database.ts';

/** Where nobody listens: an instance that says so of itself cannot be reached by others. */
const NOWHERE = 'http://127.0.0.1:1';
const HOURS = 'What are your opening hours?';

let fleet: Fleet;
let url: string;
beforeEach(async () => {
  url = await postgresDatabase();
  fleet = await startFleet({ DATABASE_URL: url, METRICS_TOKEN });
}, 60_000);
afterEach(() => fleet.stop(), 60_000);

const METRICS_TOKEN = 'token-of-metrics';
const scraped = async ({ url: at }: FleetMember) =>
  (await fetch(`${at}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })).text();

/** A page in conversation at `at`, with one answer behind it. */
async function conversation(at: FleetMember): Promise<ReturningPage> {
  const page = fleet.page(at);
  await page.connect(at.ws);
  page.start();
  await page.received('provider.changed', ({ up }) => up);
  expect(await page.ask(HOURS)).toContain('nine in the morning');
  return page;
}
/** The model's own record of the newest item that it spoke, as far as it counts as heard. */
const samplesOf = (parts: Int16Array[]) => parts.reduce((sum, part) => sum + part.length, 0);

describe('a page that comes back to another instance', () => {
  it('is passed on to its own while that lives: the answer goes on and no sample is missing', async () => {
    const [a, b] = [await fleet.here(), await fleet.here()];
    const page = await conversation(a);
    page.heard.length = 0;
    const answer = page.ask(HOURS);
    await page.until(() => samplesOf(page.heard) > 24_000);
    page.cut();
    await page.connect(b.ws, { back: 'with-counts' });
    expect(page.all('session.resumed')).toMatchObject([{ kept: 'all', session: page.session }]);
    expect(await scraped(b)).toContain('vjj_passed_on_total 1');
    expect(await scraped(a)).toMatch(/vjj_session_resumes_total\{kept="all"\} 1[^]*vjj_passed_on_total 0/);
    expect(await answer).toContain('nine in the morning');
    const whole = Int16Array.from(page.heard.flatMap((part) => [...part]));
    // The same words of the same voice are the same sound: as long as the first, unbroken one.
    page.heard.length = 0;
    await page.ask(HOURS);
    expect(whole).toEqual(Int16Array.from(page.heard.flatMap((part) => [...part])));
    expect([await a.sessions(), await b.sessions()]).toEqual([1, 0]);
  });

  it('goes on from what was said where its own does not answer, which then ends what it had', async () => {
    const [a, b] = [await fleet.here({ INSTANCE_URL: NOWHERE }), await fleet.here()];
    const page = await conversation(a);
    const session = page.session;
    // Its instance has not noticed anything: it still lives there.
    const { socket } = page;
    await page.connect(b.ws, { back: 'with-counts' });
    expect(page.all('session.resumed')).toMatchObject([{ kept: 'memory', session }]);
    expect(await page.ask('What did you say?')).toContain('nine in the morning');
    // As soon as it has something to keep, it learns that it has nothing any more.
    socket?.send(JSON.stringify({ type: 'user.text', text: HOURS }));
    await page.until(() => page.closes.length > 0);
    expect(page.closes.map(({ code }) => code)).toEqual([4011]);
    while ((await a.sessions()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await b.sessions()).toBe(1);
    // In the record it is one conversation, which lives, with the turns of both.
    const store = await openStore({ url, masterKey: 'm'.repeat(44), now: () => Date.now() });
    const [{ tenantId } = { tenantId: '' }] = await store.checkpoints.find(session);
    const record = await store.sessions.byId(tenantId, session);
    const instances = (await store.instances.list()).map(({ url: at, state }) => ({ at, state }));
    await store.close();
    expect(record).toMatchObject({ endedAt: null });
    expect(record?.turns).toBeGreaterThanOrEqual(2);
    expect(instances).toEqual(
      expect.arrayContaining([
        { at: NOWHERE, state: 'active' },
        { at: b.url, state: 'active' },
      ]),
    );
  });

  it('of two that ask for it at once, one has it in the end, and one instance holds it', async () => {
    const a = await fleet.here({ INSTANCE_URL: NOWHERE });
    const page = await conversation(a);
    const [b, c] = [await fleet.here(), await fleet.here()];
    const { session, secret } = page;
    const token = await page.token();
    page.cut();
    const sockets = [b, c].map(
      ({ ws }) =>
        new WebSocket(ws, ['vjj.1', `token.${token}`, `resume.${session}.${secret}`], { origin: PAGE_ORIGIN }),
    );
    const hellos = await Promise.all(
      sockets.map(async (socket) => {
        socket.on('error', () => undefined);
        const [data] = (await once(socket, 'message')) as [Buffer];
        return JSON.parse(String(data)) as { type: string; session: string };
      }),
    );
    const resumed = hellos.filter((hello) => hello.type === 'session.resumed');
    expect(resumed.length).toBeGreaterThanOrEqual(1);
    for (const hello of resumed) expect(hello.session).toBe(session);
    const others = hellos.length - resumed.length;
    expect((await b.sessions()) + (await c.sessions())).toBe(1 + others);
    for (const socket of sockets) socket.terminate();
  });

  it('begins anew with a secret that is not the right one, or for a conversation that nobody knows', async () => {
    const [a, b] = [await fleet.here({ INSTANCE_URL: NOWHERE }), await fleet.here()];
    const page = await conversation(a);
    const { session } = page;
    const token = await page.token();
    for (const offer of [`resume.${session}.${'A'.repeat(43)}`, `resume.ses_unknown.${page.secret}`]) {
      const socket = new WebSocket(b.ws, ['vjj.1', `token.${token}`, offer], { origin: PAGE_ORIGIN });
      const [data] = (await once(socket, 'message')) as [Buffer];
      expect(JSON.parse(String(data))).toMatchObject({ type: 'session.created' });
      expect((JSON.parse(String(data)) as { session: string }).session).not.toBe(session);
      socket.terminate();
    }
    // The one who has it goes on undisturbed.
    expect(await page.ask(HOURS)).toContain('nine in the morning');
  });
});

describe('an instance that stops', () => {
  it('lets an answer end, sends those in silence away first, and their conversations go on elsewhere at once', async () => {
    const [a, b] = [await fleet.here(), await fleet.here()];
    const [talking, idle] = [await conversation(a), await conversation(a)];
    talking.heard.length = 0;
    const answer = talking.ask(HOURS);
    await talking.until(() => samplesOf(talking.heard) > 12_000);
    const stopped = a.relay.stop(30_000);
    expect((await fetch(`${a.url}/health/ready`)).status).toBe(503);
    const refused = await refusalAt(a);
    expect([refused.statusCode, Number(refused.headers['retry-after']) > 0]).toEqual([503, true]);

    await idle.until(() => idle.closes.length === 1);
    expect(idle.closes[0]?.code).toBe(4001);
    expect(talking.closes).toEqual([]);
    expect(idle.all('relay.draining')).toHaveLength(1);
    expect(idle.all('relay.draining')[0]!.comeBackMs).toBeLessThanOrEqual(2_000);
    await idle.connect(b.ws, { back: 'with-counts' });
    expect(idle.all('session.resumed')).toMatchObject([{ kept: 'memory' }]);
    expect(await idle.ask('What did you say?')).toContain('nine in the morning');

    expect(await answer).toContain('Saturdays until noon');
    await talking.until(() => talking.closes.length === 1);
    expect(talking.closes[0]?.code).toBe(4001);
    await talking.connect(b.ws, { back: 'with-counts' });
    expect(talking.all('session.resumed')).toMatchObject([{ kept: 'memory' }]);
    expect(await talking.ask('What did you say?')).toContain('Saturdays until noon');
    await stopped;
    expect(await b.sessions()).toBe(2);
  });

  it('cuts what it only passed on, and those pages lose nothing', async () => {
    const [a, b, c] = [await fleet.here(), await fleet.here(), await fleet.here()];
    const page = await conversation(a);
    page.cut();
    await page.connect(b.ws, { back: 'with-counts' });
    await b.relay.stop(10_000);
    await page.until(() => !page.isOpen);
    await page.connect(c.ws, { back: 'with-counts' });
    expect(page.all('session.resumed').map(({ kept }) => kept)).toEqual(['all', 'all']);
    expect(await a.sessions()).toBe(1);
  });

  it('ends everybody at the hard cap', async () => {
    const a = await fleet.here();
    const page = await conversation(a);
    page.heard.length = 0;
    page.send({ type: 'user.text', text: 'Tell me a story.' });
    await page.until(() => samplesOf(page.heard) > 12_000);
    await a.relay.stop(300);
    await page.until(() => page.closes.length === 1);
    expect(page.closes[0]?.code).toBe(4001);
  });
});

describe('a stranger who says that he is an instance', () => {
  it('is let in as anybody else, counted by his own address, and never passed on', async () => {
    const [a, b] = [await fleet.here(), await fleet.here({ RATE_LIMIT_MAX_REQUESTS: '4' })];
    const page = await conversation(a);
    // Passed on already, by his own word: he is told what anybody hears whose conversation is not here.
    await page.connect(b.ws, { back: 'with-counts', headers: { [FELLOW_HEADER]: 'v1 1 198.51.100.1 AAAA' } });
    expect(page.all('session.resumed')).toEqual([]);
    expect(page.all('session.created')).toHaveLength(2);
    const statuses: (number | undefined)[] = [];
    for (let i = 0; i < 5; i++)
      statuses.push(
        (await refusalAt(b, { [FELLOW_HEADER]: `v1 ${Date.now()} 198.51.100.${i} ${'A'.repeat(43)}` })).statusCode,
      );
    expect(statuses).toContain(429);
  });
});

it('an instance is reached at its host, or at the first address of the machine that others can reach', () => {
  expect(instanceUrl('127.0.0.1', 3000)).toBe('http://127.0.0.1:3000');
  expect(instanceUrl('relay-1.internal', 80)).toBe('http://relay-1.internal:80');
  expect(instanceUrl('fd00::1', 3000)).toBe('http://[fd00::1]:3000');
  for (const any of [undefined, '0.0.0.0', '::'])
    expect(instanceUrl(any, 3000)).toMatch(/^http:\/\/\d+\.\d+\.\d+\.\d+:3000$/);
});

/** What a socket without a token hears over HTTP, or 101. */
async function refusalAt(at: FleetMember, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const request = httpRequest(`${at.url}/ws`, {
    headers: {
      ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
      ...{ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-protocol': 'vjj.1', origin: PAGE_ORIGIN },
      ...headers,
    },
  });
  request.end();
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  const upgraded = once(request, 'upgrade') as Promise<[IncomingMessage]>;
  request.on('error', () => undefined);
  const [response] = await Promise.race([answered, upgraded]);
  response.socket.destroy();
  return response;
}
