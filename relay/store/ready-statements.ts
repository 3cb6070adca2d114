/**
 * Statements of the embedded database that are used again: half of what a query costs is reading its text and planning it.
 * Each is used up before the next one begins, because nothing in between waits. Knows no tables.
 */
import type { SqliteDatabase, SqliteStatement } from 'kysely';
import { LRUCache } from 'lru-cache';

/** As many texts as a busy relay has; lists of changing length make new ones all the time. */
const MOST_READY = 128;
/** Not settings, which take effect when they are prepared and not when they are run; and tables are changed once. */
const USED_AGAIN = /^(?:select|insert|update|delete|with|begin|commit|rollback)\b/i;

/** A database whose statements are kept ready, the ones used last. */
export class ReadyStatements implements SqliteDatabase {
  readonly #database: SqliteDatabase;
  readonly #ready: LRUCache<string, SqliteStatement>;

  constructor(database: SqliteDatabase, most = MOST_READY) {
    this.#database = database;
    this.#ready = new LRUCache({ max: most });
  }

  /** @throws the database's error for a text that it does not understand. */
  prepare(text: string): SqliteStatement {
    if (!USED_AGAIN.test(text)) return this.#database.prepare(text);
    const kept = this.#ready.get(text);
    if (kept !== undefined) return kept;
    const statement = this.#make(text);
    this.#ready.set(text, statement);
    return statement;
  }

  close(): void {
    this.#ready.clear();
    this.#database.close();
  }

  #make(text: string): SqliteStatement {
    const statement = this.#database.prepare(text);
    /** After a failure it may stand in the middle of its rows, and keep others from the file. */
    const whole = <T>(use: () => T): T => {
      try {
        return use();
      } catch (error) {
        this.#ready.delete(text);
        throw error;
      }
    };
    return {
      reader: statement.reader,
      all: (parameters) => whole(() => statement.all(parameters)),
      run: (parameters) => whole(() => statement.run(parameters)),
      // Read row by row, others may come in between.
      iterate: (parameters) => this.#database.prepare(text).iterate(parameters),
    };
  }
}
