/** What operators do: migrate, change the master key, take a copy and put it back; and what they are told when it fails. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { Kysely, Migrator, SqliteDialect } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgresDatabase } from '../testing/database.ts';
import { findPostgres, startPostgres } from '../testing/postgres.ts';
import { backupStore, restoreStore } from './backup.ts';
import { MIGRATIONS } from './migrations.ts';
import { placeOfPostgres } from './postgres.ts';
import { addMasterKeyIn, keepNewestKey, masterKeyIn } from './sealing.ts';
import { migrateStore, openStore, StoreError } from './store.ts';
import { acme, MASTER, onBoth, openFresh, type Opened } from './testing/two-databases.ts';

const NEXT = 'n'.repeat(44);
const T = acme.id;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-upkeep-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

onBoth('the master key', (kind) => {
  let opened: Opened;
  beforeEach(async () => {
    opened = await openFresh(kind);
    const { store } = opened;
    await store.tenants.create(acme);
    const key = { kid: 'k1', tenantId: T, name: '', alg: 'HS256', kind: 'secret', material: 'm1' } as const;
    await store.tenantKeys.add({ ...key, notBefore: 0, notAfter: null });
    await store.tenantKeys.add({ ...key, kid: 'k2', kind: 'jwk', material: '{}', notBefore: 0, notAfter: null });
    await store.providerKeys.put(T, 'sk-1');
    await store.webhooks.add({
      id: 'w',
      tenantId: T,
      url: 'https://x.y',
      events: [],
      status: 'active',
      secrets: ['s'],
    });
    await store.signingKeys.add({ kid: 'r', tenantId: null, alg: 'EdDSA', jwk: 'j', notBefore: 0, notAfter: null });
    await store.idempotency.put({ scope: 's', key: 'k', requestHash: 'h', status: 200, body: 'b', createdAt: 1_000 });
  });
  afterEach(() => opened.close());
  const all = async () => [
    (await opened.store.tenantKeys.list(T)).map(({ material }) => material).sort(),
    (await opened.store.providerKeys.open(T))?.key,
    (await opened.store.webhooks.list(T))[0]?.secrets,
    (await opened.store.signingKeys.list(null))[0]?.jwk,
    (await opened.store.idempotency.get('s', 'k'))?.body,
  ];
  const everything = [['m1', '{}'], 'sk-1', ['s'], 'j', 'b'];

  it('follows another: both open, all is sealed anew, then the former one goes', async () => {
    await opened.reopen(`${NEXT},${MASTER}`);
    // What is read on the way is sealed anew by itself.
    expect((await opened.store.providerKeys.open(T))?.key).toBe('sk-1');
    expect(await opened.store.rewrap()).toBe(4);
    expect(await opened.store.rewrap()).toBe(0);
    await opened.reopen(NEXT);
    expect(await all()).toEqual(everything);
  });

  it('cannot be left out before that, neither of the two', async () => {
    await opened.reopen(`${NEXT},${MASTER}`);
    expect(await all()).toEqual(everything);
    await opened.store.close();
    for (const alone of [NEXT, MASTER])
      await expect(openStore({ ...opened.place, masterKey: alone, now: () => 1 })).rejects.toThrow(
        /made with another MASTER_KEY\. Give back the former key/,
      );
    await opened.reopen(`${MASTER},${NEXT}`);
    expect(await all()).toEqual(everything);
  });
});

describe('a master key in a file', () => {
  it('is joined by a new one and later left by the former, in a file that only its owner reads', () => {
    const { key } = masterKeyIn(dir);
    const both = addMasterKeyIn(dir);
    expect(both.split(',')[1]).toBe(key);
    expect(masterKeyIn(dir)).toEqual({ key: both, isNew: false });
    keepNewestKey(dir);
    expect(masterKeyIn(dir).key).toBe(both.split(',')[0]);
    expect(statSync(join(dir, 'master.key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['master.key']);
  });
});

describe('migrations', () => {
  it('are taken once, by the first of several relays that start at once', async () => {
    const url = await postgresDatabase();
    const stores = await Promise.all([1, 2, 3].map(() => openStore({ url, masterKey: MASTER, now: () => 1 })));
    await Promise.all(stores.map((store) => store.ping()));
    expect(await migrateStore({ url })).toEqual([]);
    await Promise.all(stores.map((store) => store.close()));
  });
});

describe('migrations of a database of the first release', () => {
  async function first(file: string): Promise<void> {
    const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: new Database(file) }) });
    const [name, step] = Object.entries(MIGRATIONS)[0]!;
    await new Migrator({ db, provider: { getMigrations: async () => ({ [name]: step }) } }).migrateToLatest();
    await db.destroy();
  }
  const insert = (file: string, limits: string) => {
    const raw = new Database(file);
    raw.prepare("insert into tenants values ('t1', 'one', 'One', 'active', ?, 5)").run(limits);
    raw.close();
  };

  it('keep its tenants and turn its limits into rows', async () => {
    const file = join(dir, 'old.db');
    await first(file);
    insert(file, '{"concurrentSessions":3,"longestSessionMs":60000}');
    expect(await migrateStore({ file })).toEqual(Object.keys(MIGRATIONS).slice(1));
    const store = await openStore({ file, masterKey: MASTER, now: () => 9 });
    expect(await store.tenants.bySlug('one')).toMatchObject({ id: 't1', name: 'One', createdAt: 5 });
    expect(await store.limits.of('t1')).toEqual({ concurrentSessions: 3, longestSessionMs: 60_000 });
    await store.close();
  });

  it('that fail half way leave it as it was', async () => {
    const file = join(dir, 'bad.db');
    await first(file);
    insert(file, 'not json');
    await expect(migrateStore({ file })).rejects.toThrow(StoreError);
    const raw = new Database(file);
    expect(
      raw.prepare("select count(*) as n from sqlite_master where name in ('limits', 'api_keys')").get(),
    ).toMatchObject({
      n: 0,
    });
    raw.close();
  });
});

describe('an embedded database in use', () => {
  it('is not migrated and not restored by another, but copied', async () => {
    const file = join(dir, 'vjj.db');
    const store = await openStore({ file, masterKey: MASTER, now: () => 1 });
    await store.tenants.create(acme);
    await expect(migrateStore({ file })).rejects.toThrow(/Another relay uses/);
    const to = join(dir, 'copy.db');
    expect(backupStore({ file }, to)).toMatchObject({ file: to, tenants: 1, version: Object.keys(MIGRATIONS).at(-1) });
    expect(() => restoreStore(to, { file }, 'x')).toThrow(/Another relay uses/);
    await store.close();
  });
});

describe('a copy', () => {
  it('is put back whole, with what was there kept beside it', async () => {
    const file = join(dir, 'vjj.db');
    const open = () => openStore({ file, masterKey: MASTER, now: () => 1 });
    let store = await open();
    await store.tenants.create(acme);
    const to = join(dir, 'copy.db');
    backupStore({ file }, to);
    await store.tenants.remove(T);
    await store.close();
    const put = restoreStore(to, { file }, '2026-11-23');
    expect(put).toMatchObject({ file, former: `${file}.before-2026-11-23`, tenants: 1 });
    store = await open();
    expect(await store.tenants.bySlug('acme')).toBeDefined();
    expect(await store.audit.verify(T)).toEqual({ entries: 0 });
    await store.close();
    expect(existsSync(put.former!)).toBe(true);
    const fresh = join(dir, 'new', 'vjj.db');
    expect(restoreStore(to, { file: fresh }, 'x')).not.toHaveProperty('former');
    expect(readdirSync(join(dir, 'new')).filter((name) => !name.endsWith('.lock'))).toEqual(['vjj.db']);
  });

  it('that is damaged, not ours, of a newer version or not there is refused, and nothing is touched', async () => {
    const file = join(dir, 'vjj.db');
    const store = await openStore({ file, masterKey: MASTER, now: () => 1 });
    for (let i = 0; i < 50; i++)
      await store.tenants.create({
        ...acme,
        id: `t${i}`,
        slug: `s${i}`,
        publishableKey: `k${i}`,
        name: 'x'.repeat(3_000),
      });
    await store.close();
    const before = readFileSync(file);
    const good = join(dir, 'good.db');
    backupStore({ file }, good);
    const damaged = readFileSync(good);
    damaged.fill(0x5a, 8_192, 40_000);
    writeFileSync(join(dir, 'damaged.db'), damaged);
    writeFileSync(join(dir, 'text.db'), 'this is no database, '.repeat(400));
    new Database(join(dir, 'other.db')).exec('create table x (y)');
    const newer = join(dir, 'newer.db');
    writeFileSync(newer, readFileSync(good));
    new Database(newer).exec("insert into kysely_migration values ('9999-later', '')");
    for (const [name, words] of [
      ['damaged.db', /is damaged|cannot be read/],
      ['text.db', /cannot be read/],
      ['other.db', /no database of a relay/],
      ['newer.db', /newer version/],
      ['none.db', /There is no file/],
    ] as const) {
      expect(() => restoreStore(join(dir, name), { file }, 'x')).toThrow(StoreError);
      expect(() => restoreStore(join(dir, name), { file }, 'x')).toThrow(words);
    }
    expect(readFileSync(file).equals(before)).toBe(true);
    await expect(openStore({ file: newer, masterKey: MASTER, now: () => 1 })).rejects.toThrow(/newer version/);
  });

  it('is not written over another file, nor of a database that is not there, nor of Postgres', () => {
    const url = 'postgres://u:secret@h/db';
    writeFileSync(join(dir, 'there.db'), '');
    expect(() => backupStore({ file: join(dir, 'none.db') }, join(dir, 'a.db'))).toThrow(/There is no database/);
    expect(() => backupStore({ file: join(dir, 'there.db') }, join(dir, 'there.db'))).toThrow(/exists already/);
    expect(() => backupStore({ url }, 'x')).toThrow(/Use pg_dump/);
    expect(() => restoreStore('x', { url }, 'x')).toThrow(/Use pg_restore/);
  });
});

describe('Postgres that does not answer', () => {
  it('refuses the start in words for the operator, without the password', async () => {
    const url = 'postgres://vjj:secret@127.0.0.1:1/vjj';
    const refused = openStore({ url, masterKey: MASTER, now: () => 1 });
    await expect(refused).rejects.toThrow(StoreError);
    await expect(refused).rejects.toThrow(/127\.0\.0\.1:1\/vjj \(Postgres\) cannot be opened:.*ECONNREFUSED/);
    await expect(refused).rejects.not.toThrow(/secret/);
    expect(placeOfPostgres('not a url')).toBe('Postgres');
  });

  it('is "busy" for whoever asks, and comes back by itself', async () => {
    // Between the relay and the database: what a lost network looks like.
    const postgres = await startPostgres();
    const sockets = new Set<Socket>();
    let isDown = false;
    const target = decodeURIComponent(new URL(await postgres.database()).searchParams.get('host') ?? '');
    const name = new URL(await postgres.database()).pathname;
    const between = createServer((socket) => {
      if (isDown) return void socket.destroy();
      const on = connect(join(target, '.s.PGSQL.5432'));
      for (const end of [socket, on]) {
        sockets.add(end);
        end.on('error', () => undefined);
      }
      socket.pipe(on).pipe(socket);
      socket.on('close', () => on.destroy());
    });
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    const { port } = between.address() as { port: number };
    const store = await openStore({
      url: `postgres://postgres@127.0.0.1:${port}${name}`,
      masterKey: MASTER,
      now: () => 1,
    });
    await store.tenants.create(acme);
    isDown = true;
    for (const socket of sockets) socket.destroy();
    for (let i = 0; i < 3; i++)
      await expect(store.tenants.byId(T)).rejects.toMatchObject({ code: 'busy', retryAfterS: expect.any(Number) });
    isDown = false;
    expect(await store.tenants.byId(T)).toBeDefined();
    await expect(store.tenants.rename(T, 'a\0b')).rejects.toMatchObject({ code: 'bad-request' });
    await store.close();
    between.close();
    await postgres.stop();
    expect(spawnSync('ps', ['-p', String(postgres.pid)]).status).not.toBe(0);
  });

  it("is looked for among Debian's versions and on PATH", () => {
    expect(findPostgres('', dir)).toBeUndefined();
    expect(findPostgres()).toBeDefined();
  });
});
