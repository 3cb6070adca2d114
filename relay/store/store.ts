/**
 * What outlives the process: everything that tenants configured and that conversations left.
 * SQLite in a file, or Postgres, through the same queries. Every query about a tenant takes its id.
 * It stores and finds; who may do what is decided elsewhere.
 */
import { Migrator, sql, type Kysely } from 'kysely';
import { createAudit, createIdempotency } from './audit.ts';
import { createCheckpoints, createInstances } from './checkpoints.ts';
import { createDatabase, type Database } from './database.ts';
import {
  createApiKeys,
  createProviderKeys,
  createRevocations,
  createSigningKeys,
  createTenantKeys,
  type SigningKeys,
} from './keys.ts';
import { MIGRATIONS } from './migrations.ts';
import { createPeople } from './people.ts';
import { watchPostgres, type Watch } from './postgres-watch.ts';
import { openPostgres, placeOfPostgres } from './postgres.ts';
import type { Records } from './records.ts';
import type { Tables } from './schema.ts';
import { sealAnew } from './sealed-columns.ts';
import { createSeal, SealError, type Seal } from './sealing.ts';
import { createSessions } from './sessions.ts';
import { createSubjects } from './subjects.ts';
import { createTurnFigures } from './turn-figures.ts';
import { openSqlite, takeFile } from './sqlite.ts';
import { StoreError } from './store-error.ts';
import {
  createAssistants,
  createLimits,
  createOrigins,
  createPublishableKeys,
  createTenants,
  type Assistants,
  type Tenants,
} from './tenants.ts';
import { createUsage } from './usage.ts';
import { createWebhooks } from './webhooks.ts';

export type { SigningKeyRow } from './keys.ts';
export { StoreError } from './store-error.ts';
export type { AssistantRow, NewTenant, TenantRow } from './tenants.ts';

export interface Store extends Records {
  /** Where it is, for people. */
  readonly place: string;
  readonly kind: 'sqlite' | 'postgres';
  /** @throws when the database does not answer. */
  ping(): Promise<void>;
  /** Whether the database answered when it was last asked, a second ago; an embedded one always does. */
  isUp(): boolean;
  /** Told at each change of {@link Store.isUp}. @returns what ends it. */
  onChange(listener: (isUp: boolean) => void): () => void;
  close(): Promise<void>;
  /**
   * Does everything that `work` asks of this store, itself or through others such as the
   * directory, in one transaction: all of it or nothing. A change and its audit entry belong in
   * one. Let errors through: after one, nothing of it can be saved. Wait in it for nothing but the
   * store; on SQLite, everybody else waits meanwhile.
   */
  within<T>(work: (store: Store) => Promise<T>): Promise<T>;
  /** Acts when the transaction that the caller is in has ended, either way; at once without one. */
  afterwards(act: () => void): void;
  /**
   * Seals every secret under the newest master key, after which the older ones are needed no more.
   *
   * @returns how many were sealed anew.
   */
  rewrap(): Promise<number>;
  readonly tenants: Tenants;
  readonly assistants: Assistants;
  readonly signingKeys: SigningKeys;
}

/** A file of SQLite, or the URL of a Postgres database. */
export type Place = { file: string; url?: undefined } | { url: string; file?: undefined };

/**
 * Opens the database, making and migrating it as needed.
 *
 * @param options - `masterKey` may hold several, the newest first and separated by commas; `now` is
 *   in milliseconds since 1970.
 * @throws {StoreError} when another relay holds the file, the database does not answer, or it was
 *   made with another master key or by a newer version.
 */
export async function openStore(options: Place & { masterKey: string; now: () => number }): Promise<Store> {
  const unlock = options.file === undefined ? () => undefined : takeFile(options.file);
  const place = placeForPeople(options);
  const seal = createSeal(options.masterKey);
  let root: Kysely<Tables> | undefined;
  let watch: Watch | undefined;
  try {
    if (options.file === undefined) {
      await migratePostgres(options.url);
      watch = watchPostgres(options.url);
      root = openPostgres(options.url, { watch });
    } else {
      root = openSqlite(options.file);
      await migrateToNewest(root, place);
    }
    await proveMasterKey(root, seal, place);
  } catch (error) {
    await watch?.close();
    await root?.destroy();
    unlock();
    throw inWords(error, place);
  }
  const open = root;
  const watching = watch;
  const database = createDatabase(open, {
    ...{ seal, now: options.now, dialect: options.file === undefined ? ('postgres' as const) : ('sqlite' as const) },
  });
  const assistants = createAssistants(database);
  const store: Store = {
    place,
    kind: database.dialect,
    async ping() {
      await sql`select 1`.execute(open);
    },
    isUp: () => watching?.isUp ?? true,
    onChange: (listener) => watching?.onChange(listener) ?? (() => undefined),
    async close() {
      await watching?.close();
      await open.destroy();
      unlock();
    },
    within: (work) => database.within(() => work(store)),
    afterwards: (act) => database.afterwards(act),
    rewrap: () => rewrap(database),
    tenants: createTenants(database),
    ...{ assistants, assistantRecords: assistants },
    origins: createOrigins(database),
    publishableKeys: createPublishableKeys(database),
    limits: createLimits(database),
    signingKeys: createSigningKeys(database),
    apiKeys: createApiKeys(database),
    tenantKeys: createTenantKeys(database),
    providerKeys: createProviderKeys(database),
    revocations: createRevocations(database),
    sessions: createSessions(database),
    subjects: createSubjects(database),
    turnFigures: createTurnFigures(database),
    checkpoints: createCheckpoints(database),
    instances: createInstances(database),
    usage: createUsage(database),
    webhooks: createWebhooks(database),
    people: createPeople(database),
    audit: createAudit(database),
    idempotency: createIdempotency(database),
  };
  return store;
}

/**
 * Brings the tables up to date without starting a relay; refused while one runs on the file.
 *
 * @returns the steps that were taken, none when it was up to date.
 * @throws {StoreError} as {@link openStore}.
 */
export async function migrateStore(at: Place): Promise<string[]> {
  const unlock = at.file === undefined ? () => undefined : takeFile(at.file);
  const place = placeForPeople(at);
  try {
    if (at.file === undefined) return await migratePostgres(at.url);
    const db = openSqlite(at.file);
    try {
      return await migrateToNewest(db, place);
    } finally {
      await db.destroy();
    }
  } catch (error) {
    throw inWords(error, place);
  } finally {
    unlock();
  }
}

const placeForPeople = (at: Place) => (at.file === undefined ? placeOfPostgres(at.url) : `${at.file} (SQLite)`);

function inWords(error: unknown, place: string): StoreError {
  if (error instanceof StoreError) return error;
  const { message, cause } = error as Error;
  const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
  return new StoreError(`${place} cannot be opened: ${reason}`, { cause: error });
}

async function migratePostgres(url: string): Promise<string[]> {
  // On its own connection: its statements may take longer than a relay's, and wait for another relay's.
  const db = openPostgres(url, { isPatient: true });
  try {
    return await migrateToNewest(db, placeOfPostgres(url));
  } finally {
    await db.destroy();
  }
}

/** Under the lock of the query builder's own table, which on Postgres is the database's. */
async function migrateToNewest(db: Kysely<Tables>, place: string): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(MIGRATIONS) } });
  const known = await sql<{ name: string }>`select name from kysely_migration`.execute(db).catch(() => ({ rows: [] }));
  if (known.rows.some(({ name }) => !(name in MIGRATIONS)))
    throw new StoreError(`${place} was used by a newer version of the relay. Start that one, or restore a backup.`);
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : new Error('the migration failed');
  return results.map(({ migrationName }) => migrationName);
}

const PROOF = 'voice-jib-jab';
const FIRST_PROOF = 'master-key-proof';
/** Names of all proofs, as a pattern of SQL. */
export const PROOFS_LIKE = `${FIRST_PROOF}%`;
export const proofRow = (name: string) => ['', 'relay_facts', 'value', name];

/**
 * Every key that anything may be sealed under has its proof, and each must open: so a key cannot
 * be left out before everything is sealed anew.
 */
async function proveMasterKey(db: Kysely<Tables>, seal: Seal, place: string): Promise<void> {
  const proofs = await db.selectFrom('relay_facts').selectAll().where('name', 'like', PROOFS_LIKE).execute();
  for (const { name, value } of proofs) {
    try {
      seal.open(value, proofRow(name));
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      throw new StoreError(
        `${place} was made with another MASTER_KEY. Give back the former key, alone or after a new one and a ` +
          'comma, or use an empty database.',
      );
    }
  }
  if (!proofs.some(({ value }) => seal.isNewest(value))) await addProof(db, seal);
}

async function addProof(db: Kysely<Tables>, seal: Seal): Promise<void> {
  const name = `${FIRST_PROOF}.${seal.keyIds[0] ?? ''}`;
  await db
    .insertInto('relay_facts')
    .values({ name, value: seal.seal(PROOF, proofRow(name)) })
    .onConflict((on) => on.column('name').doNothing())
    .execute();
}

async function rewrap(database: Database): Promise<number> {
  const done = await sealAnew(database);
  const { db, seal } = database;
  const proofs = await db().selectFrom('relay_facts').selectAll().where('name', 'like', PROOFS_LIKE).execute();
  for (const { name, value } of proofs)
    if (!seal.isNewest(value)) await db().deleteFrom('relay_facts').where('name', '=', name).execute();
  return done;
}
