/** A database is looked at from beside, and is afterwards as it was. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgresDatabase } from '../testing/database.ts';
import { examineStore } from './examine.ts';
import { MIGRATIONS } from './migrations.ts';
import { openStore } from './store.ts';

const MASTER = 'm'.repeat(44);
const now = () => 1;
let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-examine-'));
  file = join(dir, 'vjj.db');
});
afterEach(() => rmSync(dir, { recursive: true }));
const all = Object.keys(MIGRATIONS);

describe('of a file', () => {
  it('finds none, and makes none', async () => {
    expect(await examineStore({ file }, MASTER)).toEqual({
      ...{ place: `${file} (SQLite)`, isMade: false, isInUse: false },
      ...{ stepsToDo: all, stepsUnknown: [], opensWithKey: null },
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  it('knows whether somebody holds it, and does not stand in the way of the next', async () => {
    const store = await openStore({ file, masterKey: MASTER, now });
    expect(await examineStore({ file }, MASTER)).toMatchObject({ isMade: true, isInUse: true, stepsToDo: [] });
    await store.close();
    expect(await examineStore({ file }, MASTER)).toMatchObject({ isInUse: false, opensWithKey: true });
    expect(await examineStore({ file }, undefined)).toMatchObject({ opensWithKey: null });
    expect(await examineStore({ file }, 'n'.repeat(44))).toMatchObject({ opensWithKey: false });
    await (await openStore({ file, masterKey: MASTER, now })).close();
  });

  it('names the steps that are to come, and those that only a newer version knows', async () => {
    await (await openStore({ file, masterKey: MASTER, now })).close();
    const database = new Database(file);
    database.prepare('delete from kysely_migration where name = ?').run(all.at(-1));
    database.prepare("insert into kysely_migration values ('9999-later', '2026')").run();
    database.close();
    expect(await examineStore({ file }, MASTER)).toMatchObject({
      stepsToDo: [all.at(-1)],
      stepsUnknown: ['9999-later'],
    });
  });

  it('takes one of somebody else for empty, and does not read what is none', async () => {
    const database = new Database(file);
    database.exec('create table other (id integer)');
    database.close();
    expect(await examineStore({ file }, MASTER)).toMatchObject({ isMade: true, stepsToDo: all, opensWithKey: null });
    await expect(examineStore({ file: dir }, MASTER)).rejects.toThrow(`${dir} (SQLite) cannot be read`);
  });
});

describe('of Postgres', () => {
  it('finds an empty one, a used one, its clock and its connections', async () => {
    const url = await postgresDatabase();
    expect(await examineStore({ url }, MASTER)).toMatchObject({ isMade: false, stepsToDo: all, opensWithKey: null });
    const store = await openStore({ url, masterKey: MASTER, now });
    const found = await examineStore({ url }, MASTER);
    expect(found).toMatchObject({ isMade: true, isInUse: false, stepsToDo: [], opensWithKey: true });
    expect(found.server?.connections.used).toBeGreaterThan(0);
    expect(Math.abs((found.server?.clock.theirs ?? 0) - (found.server?.clock.ours ?? 0))).toBeLessThan(5_000);
    await store.close();
  });

  it('says why it does not answer, without name and password', async () => {
    const refused = examineStore({ url: 'postgres://vjj:hush-hush@localhost:1/vjj' }, MASTER);
    await expect(refused).rejects.toThrow(/localhost:1\/vjj \(Postgres\) does not answer: .*ECONNREFUSED/);
    await expect(refused).rejects.not.toThrow('hush-hush');
  });
});
