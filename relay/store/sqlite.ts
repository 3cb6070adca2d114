/** The embedded database: one file, one connection, and every step of a migration whole or not at all. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import {
  Kysely,
  SqliteAdapter,
  SqliteDialect,
  SqliteDriver,
  type DatabaseConnection,
  type SqliteDialectConfig,
} from 'kysely';
import { lockFile } from './lock.ts';
import { ReadyStatements } from './ready-statements.ts';
import type { Tables } from './schema.ts';
import { StoreError } from './store-error.ts';

/** SQLite rolls back what made tables, too; the library's own adapter does not make use of it. */
class WholeStepsAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** So long may queries run one after the other, in milliseconds, before sound and sockets have their turn. */
const LONGEST_RUN_MS = 2;

/**
 * The embedded database works in this thread, and who waits for it goes on without the event loop having turned: a hundred
 * turns that end at once would hold up everybody's sound until the last of them is written.
 */
class YieldingDriver extends SqliteDriver {
  #takenAt = 0;
  #busyMs = 0;

  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection();
    if (this.#busyMs >= LONGEST_RUN_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#busyMs = 0;
    }
    this.#takenAt = performance.now();
    return connection;
  }

  override async releaseConnection(): Promise<void> {
    this.#busyMs += performance.now() - this.#takenAt;
    await super.releaseConnection();
  }
}

class EmbeddedDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;

  constructor(config: SqliteDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): SqliteDriver {
    return new YieldingDriver(this.#config);
  }

  override createAdapter(): SqliteAdapter {
    return new WholeStepsAdapter();
  }
}

/**
 * Takes the one place at a file.
 *
 * @returns what gives it back.
 * @throws {StoreError} while a relay runs on it.
 */
export function takeFile(file: string): () => void {
  mkdirSync(dirname(file), { recursive: true });
  const unlock = lockFile(`${file}.lock`);
  if (unlock === undefined)
    throw new StoreError(`Another relay uses ${file}. Stop it, or give this one a DATA_DIR of its own.`);
  return unlock;
}

export function openSqlite(file: string): Kysely<Tables> {
  const database = new Database(file);
  try {
    // FULL: what was answered with 201 is on the disk. Writes are few and never on the sound's path.
    // What is taken out is overwritten: words that were erased are not in the file either.
    for (const pragma of [
      ...['journal_mode = WAL', 'synchronous = FULL', 'secure_delete = ON'],
      ...['foreign_keys = ON', 'busy_timeout = 5000'],
    ])
      database.exec(`PRAGMA ${pragma}`);
  } catch (error) {
    database.close();
    throw error;
  }
  return new Kysely<Tables>({ dialect: new EmbeddedDialect({ database: new ReadyStatements(database) }) });
}
