/**
 * One way to run queries for every group of tables: within whatever transaction the caller is in,
 * or without one. The transaction is carried along the chain of calls, so that a change made by
 * one part and its audit entry written by another are one, without handing anything around.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { sql, type Kysely, type Transaction } from 'kysely';
import { RelayError } from '../errors.ts';
import type { Tables } from './schema.ts';
import type { Seal } from './sealing.ts';

/** What a group of tables works with. */
export interface Database {
  readonly dialect: 'sqlite' | 'postgres';
  /** For one query; never kept. */
  readonly db: () => Kysely<Tables>;
  readonly within: <T>(work: () => Promise<T>) => Promise<T>;
  readonly afterwards: (act: () => void) => void;
  /**
   * For what is worth nothing after the machine itself has failed: the file is written and not flushed, because everybody
   * in this process waits for a disk's flush. What is flushed later takes it along. Outside of transactions only.
   */
  readonly unflushed: <T>(query: (db: Kysely<Tables>) => Promise<T>) => Promise<T>;
  readonly seal: Seal;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface Ambient {
  tx: Transaction<Tables>;
  isOver: boolean;
  broken: { error: unknown } | undefined;
  after: (() => void)[];
}

export function createDatabase(root: Kysely<Tables>, options: Pick<Database, 'dialect' | 'seal' | 'now'>): Database {
  const ambient = new AsyncLocalStorage<Ambient>();
  const current = () => {
    const inside = ambient.getStore();
    return inside === undefined || inside.isOver ? undefined : inside;
  };

  // Up to Node 22 the storage is carried along by hooks on every promise and every callback of every socket of the process:
  // they are on only while a transaction is under way.
  let underWay = 0;
  async function carrying<T>(inside: Ambient, work: () => Promise<T>): Promise<T> {
    underWay += 1;
    try {
      return await ambient.run(inside, work);
    } finally {
      inside.isOver = true;
      underWay -= 1;
      if (underWay === 0) ambient.disable();
    }
  }

  async function join<T>(inside: Ambient, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // Half of it may be written: whoever catches this cannot save the whole.
      inside.broken ??= { error };
      throw error;
    }
  }

  return {
    ...options,
    db: () => current()?.tx ?? root,
    async within(work) {
      const outer = current();
      if (outer !== undefined) return join(outer, work);
      const after: (() => void)[] = [];
      try {
        return await root.transaction().execute(async (tx) => {
          const inside: Ambient = { tx, isOver: false, broken: undefined, after };
          const result = await carrying(inside, work);
          if (inside.broken !== undefined) throw inside.broken.error;
          return result;
        });
      } finally {
        for (const act of after) act();
      }
    },
    unflushed(query) {
      const inside = current();
      if (inside !== undefined || options.dialect !== 'sqlite') return query(inside?.tx ?? root);
      // The one connection is held meanwhile: nobody else's change goes without its flush.
      return root.connection().execute(async (db) => {
        await sql`PRAGMA synchronous = NORMAL`.execute(db);
        try {
          return await query(db);
        } finally {
          await sql`PRAGMA synchronous = FULL`.execute(db);
        }
      });
    },
    afterwards(act) {
      const inside = current();
      if (inside === undefined) act();
      else inside.after.push(act);
    },
  };
}

const CONFLICTS = /^(SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)|23505)$/;
const MISSING = /^(SQLITE_CONSTRAINT_FOREIGNKEY|23503)$/;

/**
 * Runs a write whose row may exist already, or whose tenant or parent may not.
 *
 * @throws {RelayError} `conflict`, `not-found`.
 */
export async function written<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code !== 'string') throw error;
    if (CONFLICTS.test(code)) throw new RelayError('conflict', 'a row with this name exists', { cause: error });
    if (MISSING.test(code)) throw new RelayError('not-found', 'what the row belongs to is not there', { cause: error });
    throw error;
  }
}

/** Whether a statement touched any row. */
export const touched = (result: { numUpdatedRows?: bigint; numDeletedRows?: bigint }): boolean =>
  (result.numUpdatedRows ?? result.numDeletedRows ?? 0n) > 0n;
