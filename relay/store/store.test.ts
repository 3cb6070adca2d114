import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RelayError } from '../errors.ts';
import { createSeal, masterKeyIn, SealError } from './sealing.ts';
import { openStore, StoreError, type NewTenant, type Store } from './store.ts';

const MASTER = 'm'.repeat(44);
let dir: string;
let file: string;
let open: Store[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-store-'));
  file = join(dir, 'deep', 'vjj.db');
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((store) => store.close()));
  rmSync(dir, { recursive: true, force: true });
});
let clock = 1_000;
async function start(masterKey = MASTER, at = file): Promise<Store> {
  const store = await openStore({ file: at, masterKey, now: () => clock++ });
  open.push(store);
  return store;
}
async function stop(store: Store): Promise<void> {
  open = open.filter((other) => other !== store);
  await store.close();
}
const acme: NewTenant = {
  id: 'ten_1',
  slug: 'acme',
  name: 'Acme',
  status: 'active',
  origins: ['https://acme.example', 'https://*.acme.example'],
  publishableKey: 'pk_acme',
  assistant: { id: 'ast_1', version: 1, document: '{"name":"Ada"}' },
};
const globex: NewTenant = {
  ...acme,
  id: 'ten_2',
  slug: 'globex',
  name: 'Globex',
  origins: [],
  publishableKey: 'pk_globex',
};
const key = { kid: 'k1', tenantId: null, alg: 'EdDSA', jwk: '{"d":"very-secret"}', notBefore: 5, notAfter: null };

describe('the store', () => {
  it('lets everybody else have their turn while much is written', async () => {
    const store = await start();
    await store.tenants.create(acme);
    let turns = 0;
    let isDone = false as boolean;
    const turn = () => {
      turns += 1;
      if (!isDone) setImmediate(turn);
    };
    setImmediate(turn);
    const row = {
      tenantId: 'ten_1',
      sessionId: 's',
      lane: 'B',
      kind: 'x',
      quantity: 1,
      unit: 'tokens',
      cost: 1,
    } as const;
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => store.usage.add([{ ...row, id: `u${i}`, priceDate: '2026-11-05', at: 5 }])),
    );
    isDone = true;
    expect(turns).toBeGreaterThan(20);
    expect((await store.usage.ofSession('ten_1', 's')).length).toBe(200);
  });

  it('finds a tenant by id, slug and publishable key, also after it was closed and opened again', async () => {
    const first = await start();
    await first.tenants.create(acme);
    await first.tenants.create(globex);
    await stop(first);
    const store = await start();
    const row = {
      id: 'ten_1',
      slug: 'acme',
      name: 'Acme',
      status: 'active',
      settings: '{}',
      createdAt: expect.any(Number),
    };
    expect(await store.tenants.byId('ten_1')).toEqual(row);
    expect(await store.tenants.bySlug('acme')).toEqual(row);
    expect(await store.tenants.byPublishableKey('pk_acme')).toEqual(row);
    expect(await store.tenants.byPublishableKey('pk_other')).toBeUndefined();
    expect((await store.tenants.origins('ten_1')).sort()).toEqual([...acme.origins].sort());
    expect(await store.tenants.origins('ten_2')).toEqual([]);
    expect(await store.tenants.publishableKeys('ten_2')).toEqual(['pk_globex']);
    expect((await store.tenants.first())?.slug).toBe('acme');
    expect((await store.tenants.first('acme'))?.slug).toBe('globex');
    await expect(store.ping()).resolves.toBeUndefined();
    expect(store).toMatchObject({ place: `${file} (SQLite)`, kind: 'sqlite' });
  });

  it('refuses a second tenant of the same slug or key, and leaves nothing of it behind', async () => {
    const store = await start();
    await store.tenants.create(acme);
    for (const twin of [
      { ...globex, slug: 'acme' },
      { ...globex, publishableKey: 'pk_acme' },
    ])
      await expect(store.tenants.create(twin)).rejects.toMatchObject({ code: 'conflict' });
    expect(await store.tenants.byId('ten_2')).toBeUndefined();
    await expect(store.tenants.create({ ...globex, name: null as unknown as string })).rejects.not.toBeInstanceOf(
      RelayError,
    );
  });

  it('looks an origin up over active tenants only', async () => {
    const store = await start();
    await store.tenants.create(acme);
    expect(await store.tenants.anyHasOrigin(['https://x.example', 'https://*.acme.example'])).toBe(true);
    expect(await store.tenants.anyHasOrigin(['https://x.example'])).toBe(false);
    expect(await store.tenants.anyHasOrigin([])).toBe(false);
    await store.tenants.setStatus('ten_1', 'suspended');
    expect(await store.tenants.anyHasOrigin(['https://acme.example'])).toBe(false);
    expect(await store.tenants.byId('ten_1')).toMatchObject({ status: 'suspended' });
  });

  it("keeps every version of an assistant and never shows another tenant's", async () => {
    const store = await start();
    await store.tenants.create(acme);
    await store.tenants.create({ ...globex, assistant: { id: 'ast_9', version: 1, document: '{}' } });
    await store.assistants.add('ten_1', { id: 'ast_1', version: 2, document: '{"name":"Bea"}' });
    expect(await store.assistants.newest('ten_1')).toMatchObject({ id: 'ast_1', version: 2 });
    expect(await store.assistants.newest('ten_1', 'ast_1')).toMatchObject({ version: 2 });
    expect(await store.assistants.newest('ten_1', 'ast_9')).toBeUndefined();
    await expect(store.assistants.add('ten_1', { id: 'ast_1', version: 2, document: '' })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('holds signing keys sealed: the file never shows them', async () => {
    const store = await start();
    await store.signingKeys.add(key);
    await store.signingKeys.add({ ...key, kid: 'k2', notBefore: 9 });
    await store.signingKeys.retire('k1', 77);
    expect(await store.signingKeys.list(null)).toEqual([
      { ...key, kid: 'k2', notBefore: 9 },
      { ...key, notAfter: 77 },
    ]);
    expect(await store.signingKeys.list('ten_1')).toEqual([]);
    await store.signingKeys.remove('k2');
    expect(await store.signingKeys.list(null)).toHaveLength(1);
    await stop(store);
    expect(readFileSync(file).includes('very-secret')).toBe(false);
  });

  it('does not open a sealed value that was moved to another row', async () => {
    const store = await start();
    await store.tenants.create(acme);
    await store.signingKeys.add(key);
    await store.signingKeys.add({ ...key, kid: 'k2', tenantId: 'ten_1' });
    await stop(store);
    const raw = new Database(file);
    raw.exec("update signing_keys set tenant_id = null where kid = 'k2'");
    raw.close();
    await expect((await start()).signingKeys.list(null)).rejects.toThrow(SealError);
  });

  it('refuses a database that was made with another master key, in words for the operator', async () => {
    await stop(await start());
    await expect(start('x'.repeat(44))).rejects.toThrow(/made with another MASTER_KEY/);
    await stop(await start());
  });

  it('refuses a second relay on the same file, in this process and in another', async () => {
    const store = await start();
    await expect(start()).rejects.toThrow(StoreError);
    await expect(start()).rejects.toThrow(/Another relay uses/);
    await stop(store);
    await stop(await start());

    const holder = spawn(process.execPath, [
      '-e',
      `const D = require('libsql'); const lock = new D(process.argv[1]); lock.exec('PRAGMA locking_mode = EXCLUSIVE');
       lock.exec('BEGIN EXCLUSIVE'); console.log('held'); setInterval(() => {}, 1000);`,
      `${file}.lock`,
    ]);
    await once(holder.stdout, 'data');
    await expect(start()).rejects.toThrow(/Another relay uses/);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await stop(await start());
  });

  it('has what it answered for after the process was killed: a copy of the open files is whole', async () => {
    const store = await start();
    await store.tenants.create(acme);
    const copy = join(dir, 'after-kill.db');
    copyFileSync(file, copy);
    copyFileSync(`${file}-wal`, `${copy}-wal`);
    expect(await (await start(MASTER, copy)).tenants.bySlug('acme')).toBeDefined();
  });

  it('says which file cannot be opened', async () => {
    const broken = join(dir, 'broken.db');
    writeFileSync(broken, 'this is no database, '.repeat(200));
    await expect(start(MASTER, broken)).rejects.toThrow(/broken\.db \(SQLite\) cannot be opened/);
    rmSync(broken);
    await stop(await start(MASTER, broken));
  });
});

describe('sealing', () => {
  it('opens what it sealed, for the same row only, and never twice the same text', () => {
    const seal = createSeal(MASTER);
    const sealed = seal.seal('secret', ['t', 'a', 'b']);
    expect(seal.open(sealed, ['t', 'a', 'b'])).toBe('secret');
    expect(seal.seal('secret', ['t', 'a', 'b'])).not.toBe(sealed);
    for (const row of [['t', 'ab'], ['ta', 'b'], ['t', 'a', 'c'], []])
      expect(() => seal.open(sealed, row)).toThrow(SealError);
  });

  it('refuses another key, another format and a changed text', () => {
    const sealed = createSeal(MASTER).seal('secret', ['r']);
    expect(() => createSeal('n'.repeat(44)).open(sealed, ['r'])).toThrow(/another MASTER_KEY/);
    for (const wrong of ['', 'secret', `${sealed}.x`, sealed.replace('v1', 'v2')])
      expect(() => createSeal(MASTER).open(wrong, ['r'])).toThrow(/not a sealed value/);
    expect(() => createSeal(MASTER).open(`${sealed.slice(0, -4)}AAAA`, ['r'])).toThrow(/changed or moved/);
    expect(() => createSeal(MASTER).open(sealed.split('.').slice(0, 2).join('.'), ['r'])).toThrow(/changed or moved/);
  });

  it('makes a master key once, for its owner alone', () => {
    const first = masterKeyIn(join(dir, 'data'));
    expect(first).toMatchObject({ isNew: true });
    expect(first.key.length).toBeGreaterThanOrEqual(43);
    expect(masterKeyIn(join(dir, 'data'))).toEqual({ key: first.key, isNew: false });
    expect(statSync(join(dir, 'data', 'master.key')).mode & 0o777).toBe(0o600);
    writeFileSync(join(dir, 'data', 'master.key'), '\n');
    expect(() => masterKeyIn(join(dir, 'data'))).toThrow(/holds no master key/);
  });
});
