/**
 * A look at the database from beside: whether it answers, how far its tables are, whether the master
 * key fits, and whether a relay runs on it. It makes, migrates and writes nothing, and holds no lock
 * that a relay would wait for.
 */
import { existsSync } from 'node:fs';
import Database from 'libsql';
import pg from 'pg';
import { MIGRATIONS } from './migrations.ts';
import { placeOfPostgres } from './postgres.ts';
import { createSeal, SealError } from './sealing.ts';
import { StoreError } from './store-error.ts';
import { PROOFS_LIKE, proofRow, type Place } from './store.ts';

const CONNECT_MS = 5_000;
const STATEMENT_MS = 5_000;

export interface StoreFindings {
  /** For people: never with whom or which password. */
  place: string;
  /** Whether there is anything yet; the first start makes it. */
  isMade: boolean;
  /** Whether a relay holds the embedded database; Postgres is for several, and is not asked. */
  isInUse: boolean;
  /** Steps of migration that the next start takes. */
  stepsToDo: string[];
  /** Steps that only a newer version knows. */
  stepsUnknown: string[];
  /** Whether every secret in it can be opened; null where nothing is sealed or no key was given. */
  opensWithKey: boolean | null;
  /** Postgres alone. */
  server?: {
    version: string;
    connections: { used: number; most: number };
    /** Its clock, and ours in the middle of the question, in milliseconds since 1970. */
    clock: { theirs: number; ours: number; tookMs: number };
  };
}

/**
 * @param masterKey - As for opening; undefined where there is none yet.
 * @throws {StoreError} in words for the operator when it cannot be read or does not answer.
 */
export async function examineStore(at: Place, masterKey: string | undefined): Promise<StoreFindings> {
  return at.file === undefined ? examinePostgres(at.url, masterKey) : examineFile(at.file, masterKey);
}

function examineFile(file: string, masterKey: string | undefined): StoreFindings {
  const place = `${file} (SQLite)`;
  if (!existsSync(file)) return { ...judged([], [], masterKey), place, isMade: false, isInUse: false };
  try {
    const isInUse = isLocked(`${file}.lock`);
    const { steps, proofs } = reading(file, (database) => {
      const rows = <T>(query: string) => database.prepare(query).all() as T[];
      const has = (table: string) => rows(`select 1 from sqlite_master where name = '${table}'`).length > 0;
      return {
        steps: has('kysely_migration') ? rows<{ name: string }>(STEPS) : [],
        proofs: has('relay_facts') ? rows<Proof>(PROOFS) : [],
      };
    });
    return { ...judged(steps, proofs, masterKey), place, isMade: true, isInUse };
  } catch (error) {
    throw new StoreError(`${place} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

async function examinePostgres(url: string, masterKey: string | undefined): Promise<StoreFindings> {
  const place = placeOfPostgres(url);
  const client = new pg.Client({
    ...{ connectionString: url, application_name: 'voice-jib-jab doctor' },
    ...{ connectionTimeoutMillis: CONNECT_MS, statement_timeout: STATEMENT_MS, query_timeout: STATEMENT_MS },
  });
  // A connection that breaks says so here, too; its query fails all the same.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const rows = async <T>(text: string) => (await client.query(text)).rows as T[];
    const has = async (table: string) => (await rows(`select 1 where to_regclass('${table}') is not null`)).length > 0;
    // The first answer pays for the connection: the clock is asked after it.
    const isMade = await has('kysely_migration');
    const from = Date.now();
    const [told] = await rows<{ at: string; version: string; most: string; used: string }>(
      `select extract(epoch from clock_timestamp()) * 1000 as at, current_setting('server_version') as version,
        current_setting('max_connections') as most, (select count(*) from pg_stat_activity) as used`,
    );
    const till = Date.now();
    const steps = isMade ? await rows<{ name: string }>(STEPS) : [];
    const proofs = (await has('relay_facts')) ? await rows<Proof>(PROOFS) : [];
    return {
      ...{ ...judged(steps, proofs, masterKey), place, isMade, isInUse: false },
      server: {
        version: told?.version ?? '?',
        connections: { used: Number(told?.used), most: Number(told?.most) },
        clock: { theirs: Number(told?.at), ours: (from + till) / 2, tookMs: till - from },
      },
    };
  } catch (error) {
    throw new StoreError(`${place} does not answer: ${reasonOf(error)}`, { cause: error });
  } finally {
    await client.end().catch(() => undefined);
  }
}

type Proof = { name: string; value: string };
const STEPS = 'select name from kysely_migration order by name';
const PROOFS = `select name, value from relay_facts where name like '${PROOFS_LIKE}'`;

function judged(steps: { name: string }[], proofs: Proof[], masterKey: string | undefined) {
  const done = steps.map(({ name }) => name);
  return {
    stepsToDo: Object.keys(MIGRATIONS).filter((name) => !done.includes(name)),
    stepsUnknown: done.filter((name) => !(name in MIGRATIONS)),
    opensWithKey: proofs.length === 0 || masterKey === undefined ? null : opens(proofs, masterKey),
  };
}

function opens(proofs: Proof[], masterKey: string): boolean {
  const seal = createSeal(masterKey);
  try {
    for (const { name, value } of proofs) seal.open(value, proofRow(name));
    return true;
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    return false;
  }
}

/** Reads what a relay holds for itself alone: refused exactly while one does. */
function isLocked(file: string): boolean {
  if (!existsSync(file)) return false;
  return reading(file, (database) => {
    try {
      database.prepare('select count(*) from sqlite_master').all();
      return false;
    } catch (error) {
      if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return true;
      throw error;
    }
  });
}

function reading<T>(file: string, work: (database: Database.Database) => T): T {
  const database = new Database(file);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** Several addresses that failed are one error with a code and without a text. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || (code ?? 'unknown reason');
}
