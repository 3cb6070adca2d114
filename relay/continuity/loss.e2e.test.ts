/**
 * Relays that die: the built ones, in processes of their own, killed in the middle of a conversation.
 * What is measured is what a person waits.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../testing/redis.ts';
import { startPostgres, type TestPostgres } from '../testing/postgres.ts';
import { startFleet, type Fleet, type FleetMember } from './testing/fleet.ts';
import type { ReturningPage } from './testing/returning-page.ts';

const HOURS = 'What are your opening hours?';
/** Promised from the death of an instance to the answer of another, in milliseconds. */
const WITHIN_MS = 3_000;

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

async function conversation(fleet: Fleet, at: FleetMember): Promise<ReturningPage> {
  const page = fleet.page(at);
  await page.connect(at.ws);
  page.start();
  await page.received('provider.changed', ({ up }) => up);
  expect(await page.ask(HOURS)).toContain('nine in the morning');
  return page;
}

/** From the death on, as a widget does it: at once, and then again until somebody answers. */
async function comesBack(page: ReturningPage, to: FleetMember, diedAt: number): Promise<number> {
  const resumed = page.all('session.resumed').length;
  for (;;) {
    const isIn = await page.connect(to.ws, { back: 'with-counts' }).then(
      () => true,
      () => false,
    );
    if (isIn) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(page.all('session.resumed')).toHaveLength(resumed + 1);
  const from = page.messages.length;
  await page.until(() => page.messages.slice(from - 3).some((one) => one.type === 'provider.changed' && one.up));
  return performance.now() - diedAt;
}

describe.each(['Postgres alone', 'Postgres and Redis'] as const)('an instance that is killed, with %s', (what) => {
  let fleet: Fleet;
  let redis: TestRedis | undefined;
  beforeAll(async () => {
    if (what === 'Postgres and Redis') redis = await startRedis();
    const url = await postgres.database();
    fleet = await startFleet({ DATABASE_URL: url, ...(redis && { REDIS_URL: redis.url }) });
  });
  afterAll(async () => {
    await fleet.stop();
    await redis?.stop();
  });

  it('loses no conversation: another goes on with it, and the model knows what was said', async () => {
    const [a, b] = await Promise.all([fleet.process(), fleet.process()]);
    const page = await conversation(fleet, a);
    const { session } = page;
    const died = performance.now();
    await a.kill();
    const tookMs = await comesBack(page, b, died);
    expect(page.all('session.resumed')).toMatchObject([{ kept: 'memory', session }]);
    expect(await page.ask('What did you say?')).toContain('I said: We are open from nine in the morning');
    expect(tookMs).toBeLessThan(WITHIN_MS);

    // And once more: what was taken over can be taken over.
    const c = await fleet.process();
    await b.kill();
    await comesBack(page, c, performance.now());
    expect(page.session).toBe(session);
    expect(await page.ask('What did you say?')).toContain('nine in the morning');
    expect(await c.sessions()).toBe(1);
  });

  it('in the middle of an answer leaves what was heard of it in memory', async () => {
    const [a, b] = await Promise.all([fleet.process(), fleet.process()]);
    const page = await conversation(fleet, a);
    page.send({ type: 'user.text', text: 'Tell me a story.' });
    const frames = page.heard.length;
    await page.until(() => page.heard.length > frames + 40);
    const died = performance.now();
    await a.kill();
    expect(await comesBack(page, b, died)).toBeLessThan(WITHIN_MS);
    expect(page.epoch).toBeGreaterThan(1);
    expect(await page.ask(HOURS)).toContain('nine in the morning');
  });
});

describe('one relay on an embedded database', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startFleet({});
  });
  afterAll(() => fleet.stop());

  it('that is killed and started again goes on with its conversations', async () => {
    const first = await fleet.process({ DATA_DIR: `${fleet.root}/only` });
    const page = await conversation(fleet, first);
    await first.kill();
    const again = await fleet.process({ DATA_DIR: `${fleet.root}/only`, PORT: new URL(first.url).port });
    await comesBack(page, again, performance.now());
    expect(page.all('session.resumed')).toMatchObject([{ kept: 'memory', session: page.session }]);
    expect(await page.ask('What did you say?')).toContain('nine in the morning');
  });

  it('that is asked to stop lets the answer end, and goes on with it when it is back', async () => {
    const first = await fleet.process({ DATA_DIR: `${fleet.root}/polite` });
    const page = await conversation(fleet, first);
    const answer = page.ask(HOURS);
    const frames = page.heard.length;
    await page.until(() => page.heard.length > frames + 20);
    const ended = first.terminate();
    expect(await answer).toContain('Saturdays until noon');
    expect(await ended).toBe(0);
    expect(page.closes.map(({ code }) => code)).toEqual([4001]);
    const again = await fleet.process({ DATA_DIR: `${fleet.root}/polite`, PORT: new URL(first.url).port });
    await comesBack(page, again, performance.now());
    expect(await page.ask('What did you say?')).toContain('Saturdays until noon');
  });
});
