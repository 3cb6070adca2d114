/** A server is looked at from beside: what it is, and whether it can be relied on. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../testing/redis.ts';
import { examineRedis, toldBy } from './examine.ts';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

it('tells version, place and clock, and leaves nothing behind', async () => {
  const found = await examineRedis(server.url);
  expect(found).toMatchObject({ version: expect.stringMatching(/^\d+\./), isReplica: false, evicts: null });
  expect(found.place).toBe(new URL(server.url).host);
  expect(Math.abs(found.clock.theirs - found.clock.ours)).toBeLessThan(5_000);
  expect(await redis.dbsize()).toBe(0);
});

it('sees a bound of memory at which leases go, and a copy that takes no writes', async () => {
  await redis.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
  expect((await examineRedis(server.url)).evicts).toBe('allkeys-lru');
  await redis.config('SET', 'maxmemory', '0');
  await redis.replicaof('127.0.0.1', 1);
  expect((await examineRedis(server.url)).isReplica).toBe(true);
  await redis.replicaof('NO', 'ONE');
});

it('knows Valkey by its own version, and a description that says little', () => {
  expect(toldBy('redis_version:7.2.4\r\nvalkey_version:8.1.0\r\nrole:master\r\nmaxmemory:5\r\n')).toEqual({
    ...{ product: 'Valkey', version: '8.1.0', isReplica: false, evicts: '?' },
  });
  expect(toldBy('')).toEqual({ product: 'Redis', version: '?', isReplica: false, evicts: null });
});

it('says that a server is away', async () => {
  await expect(examineRedis('redis://127.0.0.1:1')).rejects.toThrow(/ECONNREFUSED/);
});
