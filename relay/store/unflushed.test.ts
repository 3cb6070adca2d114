import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql, type Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDatabase, type Database } from './database.ts';
import type { Tables } from './schema.ts';
import { createSeal } from './sealing.ts';
import { openSqlite } from './sqlite.ts';

const [NORMAL, FULL] = [1, 2];
let dir: string;
let root: Kysely<Tables>;
let database: Database;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'unflushed-'));
  root = openSqlite(join(dir, 'x.db'));
  const seal = createSeal(Buffer.alloc(32, 1).toString('base64'));
  database = createDatabase(root, { dialect: 'sqlite', seal, now: () => 0 });
});
afterEach(async () => {
  await root.destroy();
  rmSync(dir, { recursive: true });
});

const flushing = async (db: Kysely<Tables>) => {
  const { rows } = await sql<{ synchronous: number }>`PRAGMA synchronous`.execute(db);
  return rows[0]?.synchronous;
};

describe('a query that need not be flushed', () => {
  it('is the only one without a flush, also among others that are asked at the same time', async () => {
    const seen = await Promise.all([
      flushing(root),
      database.unflushed(flushing),
      flushing(root),
      database.unflushed(flushing),
      flushing(root),
    ]);
    expect(seen).toEqual([FULL, NORMAL, FULL, NORMAL, FULL]);
  });

  it('leaves the flush as it was when it fails', async () => {
    await expect(database.unflushed(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await flushing(root)).toBe(FULL);
  });

  it('belongs to the transaction that it is in, and is flushed with it', async () => {
    expect(await database.within(() => database.unflushed(flushing))).toBe(FULL);
  });
});
