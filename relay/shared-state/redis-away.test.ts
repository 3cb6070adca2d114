/** What instances do while Redis is frozen, dead or not there yet: a real server, and real signals. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../clock.ts';
import { startRedis, type TestRedis } from '../testing/redis.ts';
import { redisServices, type SharedServices } from './open.ts';
import { COMMAND_MS, SharedStateError } from './redis-link.ts';

const MINUTE = 60_000;
const leaseMs = 1_500;
let redis: TestRedis;
let all: SharedServices[];
beforeEach(async () => {
  redis = await startRedis();
  all = [];
});
afterEach(async () => {
  for (const services of all) await services.close();
  await redis.stop();
});

async function join(name: string, url = redis.url): Promise<SharedServices> {
  const self = { instance: `ins_${name}`, url: `http://${name}.internal` };
  const services = await redisServices(url, { self, clock: systemClock, leaseMs });
  all.push(services);
  return services;
}
const up = (services: SharedServices, isUp: boolean) =>
  vi.waitFor(() => expect(services.isUp()).toBe(isUp), { timeout: 15_000, interval: 20 });
/** Both know of each other. */
async function pair(): Promise<[SharedServices, SharedServices]> {
  const pair: [SharedServices, SharedServices] = [await join('a'), await join('b')];
  await vi.waitFor(() => expect(pair.map((one) => one.instances())).toEqual([2, 2]), { timeout: 5_000 });
  return pair;
}

describe.each([
  ['frozen', async (to: TestRedis) => to.freeze(), async (to: TestRedis) => to.thaw()],
  ['killed', async (to: TestRedis) => to.kill(), async (to: TestRedis) => to.restart()],
] as const)('while Redis is %s', (_how, takeAway, bringBack) => {
  it('each instance keeps to its share, nobody waits for long, and all is put together when it is back', async () => {
    const [a, b] = await pair();
    const changes: boolean[] = [];
    a.onChange((isUp) => changes.push(isUp));
    const before = await a.shared.lease('t', 4);
    await takeAway(redis);
    await up(a, false);
    await up(b, false);

    // Each of two instances has half of the limit.
    const counted = [];
    for (let at = 0; at < 4; at += 1) counted.push((await a.shared.take('api', 'x', 4, MINUTE)).isAllowed);
    expect(counted).toEqual([true, true, false, false]);
    const leases = [await a.shared.lease('t', 4), await a.shared.lease('t', 4), await b.shared.lease('t', 4)];
    expect(leases.map((release) => release !== undefined)).toEqual([true, false, true]);
    expect(await a.shared.leased('t')).toBe(2);
    // A limit smaller than the number of instances is not none at all.
    expect(await b.shared.lease('small', 1)).toBeDefined();

    // Nothing is asked of a server that is away.
    const startedAt = performance.now();
    for (let at = 0; at < 200; at += 1) await a.shared.take('many', String(at), 4, MINUTE);
    expect(performance.now() - startedAt).toBeLessThan(200 * COMMAND_MS);

    // Tokens: what was used here stays used; the first use is allowed, and told when it is back.
    expect(await a.once.first('token', Date.now() + MINUTE)).toBe(true);
    expect(await a.once.first('token', Date.now() + MINUTE)).toBe(false);
    // Conversations: new ones are held by one's word, others' are not taken.
    expect(await a.ownership.claim('ses_new')).toBe(true);
    await expect(b.ownership.claim('ses_new', 'ins_a')).rejects.toMatchObject({ code: 'busy' });
    await expect(b.ownership.ownerOf('ses_new')).rejects.toMatchObject({ code: 'busy' });
    await a.broadcast.publish('news', 'is heard here only');

    await bringBack(redis);
    await up(a, true);
    await up(b, true);
    expect(changes).toEqual([false, true]);
    await vi.waitFor(async () => expect(await b.shared.leased('t')).toBe(3), { timeout: 5_000 });
    await vi.waitFor(async () => expect((await b.ownership.ownerOf('ses_new'))?.instance).toBe('ins_a'));
    await vi.waitFor(async () => expect(await b.once.first('token', Date.now() + MINUTE)).toBe(false));
    before?.();
    for (const release of leases) release?.();
    await vi.waitFor(async () => expect(await b.shared.leased('t')).toBe(0));
    // Messages are heard again.
    const heard: string[] = [];
    b.broadcast.subscribe('news', (message) => void heard.push(message));
    await vi.waitFor(async () => {
      await a.broadcast.publish('news', 'again');
      expect(heard).toContain('again');
    });
  });
});

describe('Redis that is not there', () => {
  it('at the start is waited for while the relay runs by itself', async () => {
    await redis.kill();
    const alone = await join('a');
    expect(alone.isUp()).toBe(false);
    expect(await alone.shared.lease('t', 2)).toBeDefined();
    await redis.restart();
    await up(alone, true);
    await vi.waitFor(async () => expect(await alone.shared.leased('t')).toBe(1), { timeout: 5_000 });
    expect(alone.instances()).toBe(1);
  });

  it('refuses the start with a reason when the password is wrong', async () => {
    const guarded = await startRedis({ password: 'open sesame' });
    try {
      await expect(join('a', guarded.url)).rejects.toThrow(SharedStateError);
      const url = guarded.url.replace('//', '//:open%20sesame@');
      expect((await join('a', url)).isUp()).toBe(true);
    } finally {
      await guarded.stop();
    }
  });
});

describe('one half of two that was cut off', () => {
  it('learns within a renewal what was taken from it meanwhile', async () => {
    const [a, b] = await pair();
    await a.ownership.claim('ses_1');
    const taken: string[] = [];
    a.ownership.onTaken((session) => void taken.push(session));
    // The message that says so is lost with the rest of what the server knew.
    await redis.restart();
    await up(b, true);
    await vi.waitFor(async () => {
      if ((await b.ownership.ownerOf('ses_1'))?.instance !== 'ins_b')
        expect(await b.ownership.claim('ses_1', 'ins_a')).toBe(true);
    });
    await up(a, true);
    await vi.waitFor(() => expect(taken).toEqual(['ses_1']), { timeout: 5_000 });
  });
});
