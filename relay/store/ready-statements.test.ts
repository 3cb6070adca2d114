/** Statements that are used again do what new ones would, whatever came before. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import Database from 'libsql';
import type { SqliteDatabase } from 'kysely';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ReadyStatements } from './ready-statements.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ready-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

let files = 0;
function fresh(): Database.Database {
  files += 1;
  const database = new Database(join(dir, `${files}.db`));
  for (const pragma of ['journal_mode = WAL', 'synchronous = OFF']) database.exec(`PRAGMA ${pragma}`);
  database.exec('CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL)');
  return database;
}

/** As the query builder asks: rows, or how many were changed, or why not. */
function ask(database: SqliteDatabase, text: string, ...parameters: unknown[]): unknown {
  try {
    const statement = database.prepare(text);
    if (statement.reader) return statement.all(parameters);
    const { changes } = statement.run(parameters);
    return { changes };
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

const INSERT = 'insert into things (id, name) values (?, ?)';
const LIST = 'select * from things order by id';

describe('statements that are kept ready', () => {
  it('are prepared once, and again after they failed or were the longest unused', () => {
    const database = fresh();
    const prepare = vi.spyOn(database, 'prepare');
    const ready = new ReadyStatements(database, 2);
    const prepared = (text: string) => prepare.mock.calls.filter(([asked]) => asked === text).length;
    for (let id = 1; id <= 5; id++) {
      expect(ask(ready, INSERT, id, 'x')).toEqual({ changes: 1 });
      expect(ask(ready, LIST)).toHaveLength(id);
    }
    expect([prepared(INSERT), prepared(LIST)]).toEqual([1, 1]);
    expect(ask(ready, INSERT, 1, 'again')).toBe('SQLITE_CONSTRAINT_PRIMARYKEY');
    expect(ask(ready, INSERT, 6, 'x')).toEqual({ changes: 1 });
    expect(prepared(INSERT)).toBe(2);
    // The third: the list goes, which was used before the insertion.
    ask(ready, 'delete from things');
    ask(ready, INSERT, 1, 'x');
    ask(ready, LIST);
    expect([prepared(INSERT), prepared(LIST)]).toEqual([2, 2]);
    ready.close();
  });

  it('are never settings, which take effect when they are prepared', () => {
    const database = fresh();
    const prepare = vi.spyOn(database, 'prepare');
    const ready = new ReadyStatements(database);
    const levels = ['NORMAL', 'FULL', 'NORMAL', 'FULL'].map((level) => {
      ask(ready, `PRAGMA synchronous = ${level}`);
      return ask(ready, 'PRAGMA synchronous');
    });
    expect(levels).toEqual([1, 2, 1, 2].map((synchronous) => [{ synchronous }]));
    expect(prepare).toHaveBeenCalledTimes(8);
    ready.close();
  });

  it('read row by row are not disturbed by the same statement in between', () => {
    const ready = new ReadyStatements(fresh());
    for (let id = 1; id <= 250; id++) ask(ready, INSERT, id, 'x');
    const seen: unknown[] = [];
    for (const row of ready.prepare(LIST).iterate([])) {
      seen.push(row);
      if (seen.length > 250) break;
      if (seen.length % 50 === 0) expect(ask(ready, LIST)).toHaveLength(250);
    }
    expect(seen).toEqual(ask(ready, LIST));
    // Left half-way, the next one begins at the beginning.
    for (const row of ready.prepare(LIST).iterate([])) if ((row as { id: number }).id === 3) break;
    expect(ask(ready, LIST)).toHaveLength(250);
    ready.close();
  });

  it('leave the file to others: it can be shortened while they are kept, and opened after it was closed', () => {
    const database = fresh();
    const ready = new ReadyStatements(database);
    ask(ready, INSERT, 1, 'a');
    ask(ready, INSERT, 1, 'b');
    ask(ready, 'begin');
    ask(ready, 'update things set name = ? returning id', 'c');
    ask(ready, 'commit');
    expect(ask(ready, LIST)).toEqual([{ id: 1, name: 'c' }]);
    expect(ask(ready, 'PRAGMA wal_checkpoint(TRUNCATE)')).toEqual([{ busy: 0, log: 0, checkpointed: 0 }]);
    ready.close();
    const next = new Database(join(dir, `${files}.db`));
    expect(ask(next, INSERT, 2, 'd')).toEqual({ changes: 1 });
    expect(ask(next, LIST)).toHaveLength(2);
    next.close();
  });

  it('answer as new ones do, in any order with transactions, failures, other columns and tables made anew', () => {
    const id = fc.integer({ min: 1, max: 6 });
    const name = fc.option(fc.string({ maxLength: 5 }), { freq: 8 });
    const query = fc.oneof(
      fc.tuple(fc.constant(INSERT), id, name),
      fc.tuple(fc.constant('insert into things (id, name) values (?, ?) returning *'), id, name),
      fc.tuple(fc.constant('insert into things (id, name) values (?, ?) on conflict do nothing'), id, name),
      fc.tuple(fc.constant('update things set name = ? where id > ?'), name, id),
      fc.tuple(fc.constant('update things set name = ? where id > ? returning id, name'), name, id),
      fc.tuple(fc.constant('delete from things where id = ?'), id),
      fc.tuple(fc.constant('with some as (select * from things where id > ?) select * from some'), id),
      fc.tuple(fc.constantFrom(LIST, LIST, 'select count(*) from things', 'begin', 'commit', 'rollback')),
      fc.tuple(
        fc.constantFrom(
          'alter table things add column more text default 1',
          'alter table things drop column more',
          'create index names on things (name)',
          'drop index names',
          'drop table things',
          'create table things (id integer primary key, name text not null)',
        ),
      ),
    );
    fc.assert(
      fc.property(fc.array(query, { maxLength: 40 }), fc.integer({ min: 1, max: 12 }), (queries, most) => {
        const plain = fresh();
        const ready = new ReadyStatements(fresh(), most);
        for (const [text, ...parameters] of queries)
          expect(ask(ready, text, ...parameters), text).toEqual(ask(plain, text, ...parameters));
        expect(ask(ready, LIST)).toEqual(ask(plain, LIST));
        ready.close();
        plain.close();
      }),
      { numRuns: 60 },
    );
  });
});
