/** Every finding has a line, and every wrong one a remedy. */
import { describe, expect, it } from 'vitest';
import type { RedisFindings } from '../shared-state/examine.ts';
import type { StoreFindings } from '../store/examine.ts';
import {
  judgeClock,
  judgeConfig,
  judgeDisk,
  judgeFiles,
  judgeHandshake,
  judgeNode,
  judgePort,
  judgeRedis,
  judgeStore,
  type DiskFindings,
  type PortFindings,
} from './doctor-judgements.ts';

const GIBI = 1024 ** 3;

describe('vjj doctor judges', () => {
  it.each([
    ['18.20.4', 'fail'],
    ['20.18.3', 'fail'],
    ['20.19.0', 'ok'],
    ['22.0.0', 'ok'],
    ['23.1.0', 'warn'],
  ])('Node %s: %s', (version, state) => {
    expect(judgeNode(version)).toMatchObject({ state, seen: expect.stringContaining(version) });
  });

  it('settings: warnings and changed knobs are told, and refuse nothing', () => {
    expect(judgeConfig([], [])).toEqual({ state: 'ok', seen: 'knobs as shipped' });
    expect(judgeConfig([], ['A=1', 'B=2'])).toEqual({ state: 'ok', seen: 'changed: A=1 B=2' });
    expect(judgeConfig(['OPENAI_KEY is not ours.'], [])).toMatchObject({
      state: 'warn',
      seen: 'OPENAI_KEY is not ours.',
    });
  });

  const store: StoreFindings = {
    ...{ place: 'data/vjj.db (SQLite)', isMade: true, isInUse: false },
    ...{ stepsToDo: [], stepsUnknown: [], opensWithKey: true },
  };
  it('the store: what a running relay holds is no mistake', () => {
    expect(judgeStore({ ...store, isInUse: true })).toEqual({
      state: 'ok',
      seen: 'data/vjj.db (SQLite): up to date, in use by a running relay',
    });
    expect(judgeStore({ ...store, isMade: false }).seen).toContain('empty: the first start makes it');
    expect(judgeStore({ ...store, stepsToDo: ['a'] }).seen).toContain('takes 1 step of migration');
    expect(judgeStore({ ...store, stepsToDo: ['a', 'b'] }).seen).toContain('takes 2 steps of migration');
  });

  it('the store: a newer version and another key are', () => {
    expect(judgeStore({ ...store, stepsUnknown: ['0099-later'] })).toMatchObject({
      ...{ state: 'fail', seen: expect.stringContaining('0099-later'), remedy: expect.stringContaining('backup') },
    });
    expect(judgeStore({ ...store, opensWithKey: false })).toMatchObject({
      ...{ state: 'fail', remedy: expect.stringContaining('MASTER_KEY') },
    });
  });

  it('Postgres: too few connections left for a relay is told', () => {
    const server = { version: '15.1', clock: { theirs: 0, ours: 0, tookMs: 1 } };
    const crowded = { ...store, server: { ...server, connections: { used: 90, most: 100 } } };
    expect(judgeStore(crowded)).toMatchObject({ state: 'warn', seen: expect.stringContaining('90 of 100') });
    expect(judgeStore({ ...store, server: { ...server, connections: { used: 9, most: 100 } } })).toMatchObject({
      ...{ state: 'ok', seen: expect.stringContaining('Postgres 15.1') },
    });
  });

  const redis: RedisFindings = {
    ...{ place: 'cache:6379', product: 'Redis', version: '7.0.15', isReplica: false, evicts: null, pingMs: 0.2 },
    clock: { theirs: 0, ours: 0, tookMs: 1 },
  };
  it.each<[string, Partial<RedisFindings>, string, RegExp]>([
    ['one that is well', {}, 'ok', /Redis 7\.0\.15 at cache:6379, 1 ms/],
    ['one that throws nothing away', { evicts: 'noeviction' }, 'ok', /Redis/],
    ['one that is too old', { version: '4.0.14' }, 'fail', /too old/],
    ['a Valkey of any version', { product: 'Valkey', version: '4' }, 'ok', /Valkey 4/],
    ['a replica', { isReplica: true }, 'fail', /takes no writes/],
    ['one that throws away leases', { evicts: 'allkeys-lru' }, 'warn', /allkeys-lru/],
  ])('Redis: %s', (_what, change, state, seen) => {
    expect(judgeRedis({ ...redis, ...change })).toMatchObject({ state, seen: expect.stringMatching(seen) });
  });

  it.each([
    ['http-401', /OPENAI_API_KEY/],
    ['insufficient_quota', /pay the bill/],
    ['model_not_found', /OPENAI_MODEL/],
    ['http-429', /at its limits/],
    ['http-503', /status page/],
    ['ENOTFOUND', /name server/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /NODE_EXTRA_CA_CERTS/],
    ['ECONNREFUSED', /lets WebSockets out/],
  ])('a handshake that ended with %s', (failedBy, remedy) => {
    const found = judgeHandshake({ at: 'api.openai.com', model: 'gpt-realtime-2.1', tookMs: 10, failedBy });
    expect(found).toMatchObject({ state: 'fail', seen: `gpt-realtime-2.1 at api.openai.com: ${failedBy}` });
    expect(found.remedy).toMatch(remedy);
  });

  it('clocks: what the question itself may have cost does not count', () => {
    const at = (skewMs: number, marginMs = 100) => judgeClock([{ of: 'Postgres', skewMs, marginMs }]);
    expect(judgeClock([]).state).toBe('skipped');
    expect(at(-5_050)).toEqual({ state: 'ok', seen: 'agrees with Postgres' });
    expect(at(5_100)).toMatchObject({ state: 'warn', seen: '5.0 s behind Postgres' });
    expect(at(-15_100)).toMatchObject({ state: 'fail', seen: '15.0 s ahead of Postgres' });
    const several = judgeClock([
      { of: 'Redis', skewMs: 20, marginMs: 1 },
      { of: 'api.openai.com', skewMs: 60_000, marginMs: 600 },
    ]);
    expect(several).toMatchObject({ state: 'fail', seen: '59.4 s behind api.openai.com' });
  });

  const disk: DiskFindings = { dir: '/data', isMade: true, failedBy: null, freeBytes: 20 * GIBI, freeFiles: 100_000 };
  it.each<[string, Partial<DiskFindings>, string, RegExp]>([
    ['room enough', {}, 'ok', /20\.0 GiB free, writable$/],
    ['not made yet', { isMade: false, freeFiles: null }, 'ok', /the first start makes it/],
    ['little room', { freeBytes: 500 * 1024 ** 2 }, 'warn', /500 MiB free/],
    ['almost none', { freeBytes: 99 * 1024 ** 2 }, 'fail', /99 MiB free/],
    ['a full disk', { failedBy: 'ENOSPC', freeBytes: 0 }, 'fail', /0 MiB free/],
    ['a folder of somebody else', { failedBy: 'EACCES' }, 'fail', /cannot be written \(EACCES\)/],
    ['no files left', { freeFiles: 12 }, 'fail', /12 more files fit/],
  ])('the disk: %s', (_what, change, state, seen) => {
    const found = judgeDisk({ ...disk, ...change });
    expect(found).toMatchObject({ state, seen: expect.stringMatching(seen) });
    expect(found.remedy === undefined).toBe(state === 'ok');
  });

  it('open files: fewer conversations than the relay wants are told', () => {
    expect(judgeFiles(null, { sessions: 5_000 }, 5_000).state).toBe('ok');
    expect(judgeFiles(65_536, { sessions: 5_000 }, 5_000)).toEqual({
      ...{ state: 'ok', seen: '65536 open files: up to 5000 conversations' },
    });
    expect(judgeFiles(1_024, { sessions: 180 }, 5_000)).toMatchObject({
      ...{ state: 'warn', seen: expect.stringContaining('180 conversations of 5000') },
    });
  });

  const port: PortFindings = { port: 3000, holder: null, failedBy: null };
  const relay = { version: '1.2.3', uptimeS: 60, sessions: 1 };
  it.each<[string, Partial<PortFindings>, string, RegExp]>([
    ['free', {}, 'ok', /3000 is free/],
    ['any', { port: 0 }, 'ok', /any free one/],
    ['a relay', { holder: relay }, 'ok', /a relay: version 1\.2\.3, up 60 s, 1 conversation$/],
    ['a busy relay', { holder: { ...relay, sessions: 2 } }, 'ok', /2 conversations$/],
    ['something else', { holder: 'other' }, 'fail', /no relay/],
    ['something silent', { failedBy: 'EADDRINUSE' }, 'fail', /no relay/],
    ['a low one', { port: 80, failedBy: 'EACCES' }, 'fail', /80 may not be used/],
    ['a foreign address', { failedBy: 'EADDRNOTAVAIL' }, 'fail', /EADDRNOTAVAIL/],
  ])('the port: %s', (_what, change, state, seen) => {
    expect(judgePort({ ...port, ...change })).toMatchObject({ state, seen: expect.stringMatching(seen) });
  });
});
