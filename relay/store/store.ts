/**
 * What outlives the process: tenants, their origins, keys and assistants, and the relay's own
 * signing keys. Embedded SQLite through Kysely. Every query about a tenant takes its id. It stores
 * and finds; who may do what is decided elsewhere.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { Kysely, Migrator, SqliteDialect, sql, type Transaction } from 'kysely';
import { RelayError } from '../errors.ts';
import { lockFile } from './lock.ts';
import { MIGRATIONS, type Tables } from './schema.ts';
import { createSeal, SealError } from './sealing.ts';

/** A start that cannot go on, in words for the operator. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

export interface TenantRow {
  id: string;
  slug: string;
  name: string;
  status: string;
  /** JSON. */
  limits: string;
}

/** A document that never changes: a new wording is a new version. */
export interface AssistantRow {
  id: string;
  version: number;
  /** JSON. */
  document: string;
}

export interface SigningKeyRow {
  kid: string;
  /** Null: the relay's own. */
  tenantId: string | null;
  alg: string;
  /** JSON Web Key with its private part; sealed at rest. */
  jwk: string;
  notBefore: number;
  notAfter: number | null;
}

export interface NewTenant extends TenantRow {
  /** Canonical patterns. */
  origins: string[];
  publishableKey: string;
  assistant: AssistantRow;
}

export interface Store {
  readonly file: string;
  /** @throws when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
  readonly tenants: {
    /** @throws {RelayError} `conflict` when slug or key exist. */
    create(tenant: NewTenant): Promise<void>;
    byId(id: string): Promise<TenantRow | undefined>;
    bySlug(slug: string): Promise<TenantRow | undefined>;
    /** Active keys only. */
    byPublishableKey(key: string): Promise<TenantRow | undefined>;
    /** The one that was made first; the demo tenant is left out where `exceptSlug` says so. */
    first(exceptSlug?: string): Promise<TenantRow | undefined>;
    setStatus(id: string, status: string): Promise<void>;
    setLimits(id: string, limits: string): Promise<void>;
    origins(id: string): Promise<string[]>;
    publishableKeys(id: string): Promise<string[]>;
    /** Whether any active tenant has one of `patterns`. */
    anyHasOrigin(patterns: readonly string[]): Promise<boolean>;
  };
  readonly assistants: {
    /** The newest version of `id`, or of the tenant's first assistant. */
    newest(tenantId: string, id?: string): Promise<AssistantRow | undefined>;
    add(tenantId: string, assistant: AssistantRow): Promise<void>;
  };
  readonly signingKeys: {
    /** Unsealed, newest first. Null lists the relay's own. */
    list(tenantId: string | null): Promise<SigningKeyRow[]>;
    add(key: SigningKeyRow): Promise<void>;
    retire(kid: string, notAfter: number): Promise<void>;
    remove(kid: string): Promise<void>;
  };
}

const PROOF = 'voice-jib-jab';
const PROOF_ROW = ['', 'relay_facts', 'value', 'master-key-proof'];

/**
 * Opens the database, making and migrating it as needed.
 *
 * @param now - Milliseconds since 1970.
 * @throws {StoreError} when another relay holds the file, or it was made with another master key.
 */
export async function openStore(options: { file: string; masterKey: string; now: () => number }): Promise<Store> {
  const { file, now } = options;
  mkdirSync(dirname(file), { recursive: true });
  const unlock = lockFile(`${file}.lock`);
  if (unlock === undefined)
    throw new StoreError(`Another relay uses ${file}. Stop it, or give this one a DATA_DIR of its own.`);
  const seal = createSeal(options.masterKey);
  let db: Kysely<Tables> | undefined;
  try {
    db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: openDatabase(file) }) });
    await migrate(db);
    await proveMasterKey(db);
  } catch (error) {
    await db?.destroy();
    unlock();
    if (error instanceof StoreError) throw error;
    throw new StoreError(`${file} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
  const open = db;

  async function proveMasterKey(database: Kysely<Tables>): Promise<void> {
    const row = await database
      .selectFrom('relay_facts')
      .selectAll()
      .where('name', '=', PROOF_ROW[3] ?? '')
      .executeTakeFirst();
    if (row === undefined) {
      const value = seal.seal(PROOF, PROOF_ROW);
      await database.insertInto('relay_facts').values({ name: 'master-key-proof', value }).execute();
      return;
    }
    try {
      seal.open(row.value, PROOF_ROW);
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      throw new StoreError(
        `${file} was made with another MASTER_KEY. Give back the former key, or use an empty DATA_DIR.`,
      );
    }
  }

  const keyRow = (kid: string, tenantId: string | null) => [tenantId ?? '', 'signing_keys', 'sealed_jwk', kid];
  const tenant = ['tenants.id', 'tenants.slug', 'tenants.name', 'tenants.status', 'tenants.limits'] as const;

  return {
    file,
    async ping() {
      await sql`select 1`.execute(open);
    },
    async close() {
      await open.destroy();
      unlock();
    },
    tenants: {
      async create(row) {
        const at = now();
        await open.transaction().execute((tx) => orConflict(() => insertTenant(tx, row, at)));
      },
      byId: (id) => open.selectFrom('tenants').select(tenant).where('id', '=', id).executeTakeFirst(),
      bySlug: (slug) => open.selectFrom('tenants').select(tenant).where('slug', '=', slug).executeTakeFirst(),
      byPublishableKey: (key) =>
        open
          .selectFrom('publishable_keys')
          .innerJoin('tenants', 'tenants.id', 'publishable_keys.tenant_id')
          .select(tenant)
          .where('publishable_keys.id', '=', key)
          .where('publishable_keys.status', '=', 'active')
          .executeTakeFirst(),
      first: (exceptSlug = '') =>
        open
          .selectFrom('tenants')
          .select(tenant)
          .where('slug', '!=', exceptSlug)
          .orderBy('created_at')
          .orderBy('id')
          .executeTakeFirst(),
      async setStatus(id, status) {
        await open.updateTable('tenants').set({ status }).where('id', '=', id).execute();
      },
      async setLimits(id, limits) {
        await open.updateTable('tenants').set({ limits }).where('id', '=', id).execute();
      },
      async origins(id) {
        const rows = await open.selectFrom('origins').select('pattern').where('tenant_id', '=', id).execute();
        return rows.map(({ pattern }) => pattern);
      },
      async publishableKeys(id) {
        const rows = await open.selectFrom('publishable_keys').select('id').where('tenant_id', '=', id).execute();
        return rows.map((row) => row.id);
      },
      async anyHasOrigin(patterns) {
        if (patterns.length === 0) return false;
        const row = await open
          .selectFrom('origins')
          .innerJoin('tenants', 'tenants.id', 'origins.tenant_id')
          .select('origins.pattern')
          .where('origins.pattern', 'in', patterns)
          .where('tenants.status', '=', 'active')
          .executeTakeFirst();
        return row !== undefined;
      },
    },
    assistants: {
      newest(tenantId, id) {
        const rows = open
          .selectFrom('assistants')
          .select(['id', 'version', 'document'])
          .where('tenant_id', '=', tenantId);
        return id === undefined
          ? rows.orderBy('id').orderBy('version', 'desc').executeTakeFirst()
          : rows.where('id', '=', id).orderBy('version', 'desc').executeTakeFirst();
      },
      async add(tenantId, row) {
        const values = { ...row, tenant_id: tenantId, created_at: now() };
        await orConflict(() => open.insertInto('assistants').values(values).execute());
      },
    },
    signingKeys: {
      async list(tenantId) {
        const rows = await open
          .selectFrom('signing_keys')
          .selectAll()
          .where('tenant_id', tenantId === null ? 'is' : '=', tenantId)
          .orderBy('not_before', 'desc')
          .orderBy('kid')
          .execute();
        return rows.map((row) => ({
          kid: row.kid,
          tenantId: row.tenant_id,
          alg: row.alg,
          jwk: seal.open(row.sealed_jwk, keyRow(row.kid, row.tenant_id)),
          notBefore: row.not_before,
          notAfter: row.not_after,
        }));
      },
      async add({ kid, tenantId, alg, jwk, notBefore, notAfter }) {
        const sealed_jwk = seal.seal(jwk, keyRow(kid, tenantId));
        const values = { kid, tenant_id: tenantId, alg, sealed_jwk, not_before: notBefore, not_after: notAfter };
        await orConflict(() =>
          open
            .insertInto('signing_keys')
            .values({ ...values, created_at: now() })
            .execute(),
        );
      },
      async retire(kid, notAfter) {
        await open.updateTable('signing_keys').set({ not_after: notAfter }).where('kid', '=', kid).execute();
      },
      async remove(kid) {
        await open.deleteFrom('signing_keys').where('kid', '=', kid).execute();
      },
    },
  };
}

function openDatabase(file: string): Database.Database {
  const database = new Database(file);
  // FULL: what was answered with 201 is on the disk. Writes are rare and never on the sound's path.
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON', 'busy_timeout = 5000'])
    database.exec(`PRAGMA ${pragma}`);
  return database;
}

async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(MIGRATIONS) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : new Error('the migration failed');
}

async function insertTenant(tx: Transaction<Tables>, row: NewTenant, at: number): Promise<void> {
  const { origins, publishableKey, assistant, ...tenant } = row;
  const belongs = { tenant_id: tenant.id, created_at: at };
  await tx
    .insertInto('tenants')
    .values({ ...tenant, created_at: at })
    .execute();
  await tx
    .insertInto('publishable_keys')
    .values({ id: publishableKey, status: 'active', ...belongs })
    .execute();
  if (origins.length > 0)
    await tx
      .insertInto('origins')
      .values(origins.map((pattern) => ({ pattern, ...belongs })))
      .execute();
  await tx
    .insertInto('assistants')
    .values({ ...assistant, ...belongs })
    .execute();
}

async function orConflict<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code !== 'string' || !/^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)$/.test(code)) throw error;
    throw new RelayError('conflict', 'a row with this name exists', { cause: error });
  }
}
