/**
 * Copies of the embedded database, and the way back. A copy is taken by a reader of its own, so
 * that a running relay goes on; putting one back asks for the relay to be stopped. Of Postgres,
 * Postgres' own tools make copies.
 */
import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import Database from 'libsql';
import { MIGRATIONS } from './migrations.ts';
import { takeFile } from './sqlite.ts';
import { StoreError } from './store-error.ts';
import type { Place } from './store.ts';

/** What a copy holds, for people. */
export interface Copy {
  file: string;
  tenants: number;
  /** The last step of migration that it has. */
  version: string;
}

/**
 * Writes a whole copy of the database to `to`, which must not exist; the relay may be running.
 * Secrets in it stay sealed: keep the master key, too, and elsewhere.
 *
 * @throws {StoreError} in words for the operator.
 */
export function backupStore(at: Place, to: string): Copy {
  const file = fileOf(at, 'pg_dump');
  if (!existsSync(file)) throw new StoreError(`There is no database at ${file}.`);
  if (existsSync(to)) throw new StoreError(`${to} exists already. Name a new file.`);
  const fresh = `${to}.partial`;
  rmSync(fresh, { force: true });
  try {
    // In one transaction of its own, whatever is written meanwhile.
    using(file, (database) => database.prepare('VACUUM INTO ?').run(fresh));
    using(fresh, leaveOutTheLiving);
    const copy = examine(fresh);
    toDisk(fresh);
    renameSync(fresh, to);
    return { ...copy, file: to };
  } finally {
    rmSync(fresh, { force: true });
  }
}

/**
 * Puts a copy in the database's place, after it has been found whole. What was there is kept.
 *
 * @param stamp - Ends the name of what was there.
 * @returns what was put in place, and where the former database is.
 * @throws {StoreError} while a relay runs on the file, or for a copy that is not whole, not ours or
 *   of a newer version.
 */
export function restoreStore(from: string, at: Place, stamp: string): Copy & { former?: string } {
  const file = fileOf(at, 'pg_restore');
  if (!existsSync(from)) throw new StoreError(`There is no file ${from}.`);
  const unlock = takeFile(file);
  const fresh = `${file}.restoring`;
  try {
    copyFileSync(from, fresh);
    const copy = examine(fresh);
    toDisk(fresh);
    const former = `${file}.before-${stamp}`;
    const isThere = existsSync(file);
    if (isThere) {
      // Its log belongs to it, and would spoil what takes its place.
      using(file, (database) => database.exec('PRAGMA wal_checkpoint(TRUNCATE)'));
      renameSync(file, former);
    }
    for (const tail of ['-wal', '-shm']) rmSync(`${file}${tail}`, { force: true });
    renameSync(fresh, file);
    return { ...copy, file, ...(isThere && { former }) };
  } finally {
    rmSync(fresh, { force: true });
    unlock();
  }
}

/** What conversations under way need for the next minute is in no copy: their words rest nowhere else. */
function leaveOutTheLiving(database: Database.Database): void {
  const [table] = database.prepare("select 1 from sqlite_master where name = 'checkpoints'").all();
  if (table === undefined) return;
  database.exec('PRAGMA secure_delete = ON; DELETE FROM checkpoints; DELETE FROM instances');
}

function fileOf(at: Place, tool: string): string {
  if (at.file === undefined) throw new StoreError(`The database is Postgres. Use ${tool} on DATABASE_URL.`);
  return at.file;
}

function using<T>(file: string, work: (database: Database.Database) => T): T {
  const database = new Database(file);
  try {
    return work(database);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  } finally {
    database.close();
  }
}

/** @throws {StoreError} unless it is whole, ours, and of a version that this relay knows. */
function examine(file: string): Copy {
  const copy = using(file, (database) => {
    const check = database.prepare('PRAGMA integrity_check').get() as { integrity_check?: string } | undefined;
    if (check?.integrity_check !== 'ok') throw new StoreError(`${file} is damaged: ${check?.integrity_check ?? '?'}`);
    const rows = <T>(query: string) => database.prepare(query).all() as T[];
    if (rows("select 1 from sqlite_master where name = 'relay_facts'").length === 0)
      throw new StoreError(`${file} is no database of a relay.`);
    const steps = rows<{ name: string }>('select name from kysely_migration order by name').map(({ name }) => name);
    if (steps.some((name) => !(name in MIGRATIONS)))
      throw new StoreError(`${file} was used by a newer version of the relay than this one.`);
    const [count] = rows<{ tenants: number }>('select count(*) as tenants from tenants');
    return { file, tenants: count?.tenants ?? 0, version: steps.at(-1) ?? '' };
  });
  for (const tail of ['-wal', '-shm']) rmSync(`${file}${tail}`, { force: true });
  return copy;
}

function toDisk(file: string): void {
  const handle = openSync(file, 'r+');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
