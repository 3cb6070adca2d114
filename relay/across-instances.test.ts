/** Two whole relays on one database, and an operator who reaches only one of them. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFleet, type Fleet, type FleetMember } from './continuity/testing/fleet.ts';
import type { ReturningPage } from './continuity/testing/returning-page.ts';
import { callApi, type ApiRequest } from './cli/api-call.ts';
import type { AnswerOf, RouteName } from './http/api/routes.ts';
import type { Relay } from './start.ts';
import { postgresDatabase } from './testing/database.ts';

const OPERATOR = 'operator-token-of-the-fleet';
type Member = FleetMember & { relay: Relay };

let fleet: Fleet;
let [a, b]: Member[] = [];
beforeEach(async () => {
  fleet = await startFleet({ DATABASE_URL: await postgresDatabase(), ADMIN_TOKEN: OPERATOR });
  [a, b] = [await fleet.here(), await fleet.here()];
}, 60_000);
afterEach(() => fleet.stop(), 60_000);

/** As the operator, at an instance. */
async function call<K extends RouteName>(at: Member, name: K, asked: ApiRequest = {}): Promise<AnswerOf<K>> {
  return (await callApi({ url: at.url, token: OPERATOR }, name, asked)).value as AnswerOf<K>;
}
async function conversation(at: Member): Promise<ReturningPage> {
  const page = fleet.page(at);
  await page.connect(at.ws);
  page.start();
  await page.received('provider.changed', ({ up }) => up);
  await page.ask('What are your opening hours?');
  return page;
}
const operations = (at: Member) => call(at, 'operations');
const params = async ({ session }: ReturningPage) => {
  const { rows } = await operations(a!);
  return { tenant: rows.find(({ id }) => id === session)?.tenant ?? '', session };
};
async function records(at: Member, of: Record<string, string>, limit = '5000') {
  const pages: AnswerOf<'sessionRecord'>[] = [];
  for (let after: string | undefined; ;) {
    const page = await call(at, 'sessionRecord', {
      params: of,
      query: { limit, ...(after !== undefined && { after }) },
    });
    pages.push(page);
    if (page.next === undefined) return pages;
    after = page.next;
  }
}

it('starts four relays at once on an empty database', async () => {
  const empty = await startFleet({ DATABASE_URL: await postgresDatabase() });
  try {
    const four = await Promise.all([1, 2, 3, 4].map(() => empty.here()));
    expect(await Promise.all(four.map((one) => one.sessions()))).toEqual([0, 0, 0, 0]);
  } finally {
    await empty.stop();
  }
}, 60_000);

describe('what lives on another instance', () => {
  it('is seen, read and ended from any', async () => {
    const page = await conversation(b!);
    const { session } = page;
    const seen = await operations(a!);
    expect(seen).toMatchObject({ sessions: 1, store: 'postgres', sharedState: 'memory' });
    const [own, other] = seen.instances;
    expect(own).toMatchObject({ isThis: true, sessions: 0, state: 'active', url: a!.url, provider: 'openai' });
    expect(other).toMatchObject({ isThis: false, sessions: 1, state: 'active', url: b!.url, isStoreUp: true });
    expect(other?.circuits).toMatchObject([{ is: 'closed', provider: new URL(fleet.emulator.url).origin }]);
    expect(seen.rows).toMatchObject([
      { id: session, tenantName: expect.any(String), state: 'LISTENING', isProviderUp: true, instance: other?.id },
    ]);

    const of = await params(page);
    const [first] = await records(a!, of);
    expect(first).toMatchObject({ session, part: 0, parts: 1 });
    expect(first?.rows.length).toBeGreaterThan(5);
    expect((await records(a!, of, '3')).flatMap(({ rows }) => rows).slice(0, first?.rows.length)).toEqual(first?.rows);

    expect(await call(a!, 'endSession', { params: of })).toEqual({ isEnded: true });
    await page.until(() => page.closes.length > 0);
    expect(page.closes).toMatchObject([{ code: 4504 }]);
    expect(await call(a!, 'endSession', { params: of })).toEqual({ isEnded: false });
    expect(JSON.stringify(await call(a!, 'audit', { params: of }))).toContain(`session:${session}`);
  }, 60_000);

  it('is drained from any as by a signal: its conversation goes on elsewhere, and its record is one with all its parts', async () => {
    const page = await conversation(b!);
    const of = await params(page);
    const [, other] = (await operations(a!)).instances;
    expect(await call(a!, 'drainInstance', { params: { instance: 'ins_nobody' } })).toEqual({ isDraining: false });
    expect(await call(a!, 'drainInstance', { params: { instance: other?.id ?? '' } })).toEqual({ isDraining: true });
    await page.until(() => page.closes.length > 0);
    expect(page.closes).toMatchObject([{ code: 4001 }]);
    await page.connect(a!.ws, { back: 'with-counts' });
    expect(page.all('session.resumed')).toMatchObject([{ kept: 'memory' }]);
    await page.ask('What did you say?');
    // The drained one is gone, with what it wrote; its folder is another instance's now.
    await b!.relay.stop(0);
    expect((await operations(a!)).instances).toHaveLength(1);
    const alone = await records(a!, of);
    expect(alone.map(({ part, parts }) => [part, parts])).toEqual([[0, 1]]);
    const again = await fleet.here({ DATA_DIR: join(fleet.root, 'data-2') });
    const whole = await records(a!, of, '7');
    expect([...new Set(whole.map(({ part, parts }) => `${part} of ${parts}`))]).toEqual(['0 of 2', '1 of 2']);
    const times = whole.flatMap(({ rows }) => rows.map(({ event }) => event.t));
    expect(times).toEqual(times.toSorted((x, y) => x - y));
    expect((await records(again, of, '7')).flatMap(({ rows }) => rows).length).toBeGreaterThanOrEqual(times.length);

    expect(JSON.stringify(await call(a!, 'relayAudit'))).toContain(`instance:${other?.id}`);
  }, 60_000);

  it('and does not answer, is silent and holds up nobody', async () => {
    const c = await fleet.here({ INSTANCE_URL: 'http://127.0.0.1:1' });
    const { instances } = await operations(a!);
    const silent = instances.find(({ url }) => url === 'http://127.0.0.1:1');
    expect(silent).toMatchObject({ state: 'silent', provider: null, circuits: [] });
    const drained = await call(a!, 'drainInstance', { params: { instance: silent?.id ?? '' } });
    expect(drained).toEqual({ isDraining: false });
    const page = await conversation(c);
    const of = { tenant: 'demo', session: page.session };
    expect(await call(a!, 'endSession', { params: of })).toEqual({ isEnded: false });
    await expect(records(a!, of)).rejects.toThrow(/not-found/);
    expect(page.closes).toEqual([]);
  }, 60_000);

  it('is asked by instances alone: for everybody else there is no such path', async () => {
    for (const headers of [{}, { 'x-vjj-passed-on': 'v1 1 127.0.0.1 x', 'x-vjj-nonce': 'n' }]) {
      const ask = {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"ask":"drain"}',
      };
      expect((await fetch(`${a!.url}/fellow`, ask)).status).toBe(404);
    }
    const long = { method: 'POST', body: 'x'.repeat(5_000) };
    expect((await fetch(`${a!.url}/fellow`, long)).status).toBe(413);
    expect((await operations(a!)).instances.map(({ state }) => state)).toEqual(['active', 'active']);
  });

  it('writes one record each time it goes on, read in order though their files come from anywhere', async () => {
    const page = await conversation(a!);
    const of = await params(page);
    const dir = join(fleet.root, 'data-2', 'audit');
    mkdirSync(dir, { recursive: true });
    const head = { session: page.session, startedAt: 1, config: {} };
    const tick = (t: number) => JSON.stringify({ event: { type: 'tick', t }, effects: [] });
    for (const part of [900, 20_000])
      appendFileSync(join(dir, `${page.session}-${part}.jsonl`), `${JSON.stringify(head)}\n${tick(1e9 + part)}\n`);
    appendFileSync(join(dir, `${page.session}0-7.jsonl`), 'of another session');
    const pages = await records(a!, of);
    expect(pages.map(({ part, parts }) => [part, parts])).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
    ]);
    expect(pages.slice(1).flatMap(({ rows }) => rows.map(({ event }) => event.t))).toEqual([1e9 + 900, 1e9 + 20_000]);
  }, 60_000);
});
