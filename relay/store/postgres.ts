/**
 * Postgres, for more than one instance: a small pool, every statement bounded in time, and
 * failures of the connection in the relay's own words. Numbers come as numbers.
 */
import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { RelayError } from '../errors.ts';
import type { Watch } from './postgres-watch.ts';
import type { Tables } from './schema.ts';

const LARGEST_POOL = 10;
const CONNECT_MS = 5_000;
const STATEMENT_MS = 10_000;
const IDLE_IN_TRANSACTION_MS = 30_000;
const IDLE_MS = 30_000;
const RETRY_AFTER_S = 2;
const GOODBYE_MS = 2_000;

const { builtins } = pg.types;
/** Whole numbers of eight bytes and sums of them: all of ours are well below 2^53. */
const NUMBERS: number[] = [builtins.INT8, builtins.NUMERIC];
const types = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    NUMBERS.includes(oid) && format !== 'binary'
      ? Number
      : (pg.types.getTypeParser as (oid: number, format: string) => unknown)(
          oid,
          format,
        )) as unknown as pg.CustomTypesConfig['getTypeParser'],
};

/** @param options - `isPatient` lets statements take their time, for migrations; `watch` tells of a server that hangs. */
export function openPostgres(url: string, options: { isPatient?: boolean; watch?: Watch } = {}): Kysely<Tables> {
  const { watch } = options;
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'voice-jib-jab',
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    types,
    ...(options.isPatient === true
      ? { max: 1 }
      : {
          ...{ max: LARGEST_POOL, statement_timeout: STATEMENT_MS, query_timeout: STATEMENT_MS + CONNECT_MS },
          idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
        }),
  });
  // A connection that idles and ends is replaced by the pool; whoever needs one and gets none is told.
  pool.on('error', () => undefined);
  return new Kysely<Tables>({
    dialect: new PostgresDialect({
      pool: {
        connect: () =>
          guarded(pool.connect(), watch, (late) => late.release(true)).then(
            (client) => inOurWords(client, watch),
            refuse,
          ),
        end: () => ended(pool),
      },
    }),
  });
}

/** A server that hangs does not say goodbye: it is not waited for. */
function ended(pool: pg.Pool): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(resolve, GOODBYE_MS);
    pool
      .end()
      .then(resolve, reject)
      .finally(() => clearTimeout(late));
  });
}

/** What comes after it was given up is handed to `late`. */
function guarded<T>(work: Promise<T>, watch: Watch | undefined, late?: (value: T) => void): Promise<T> {
  if (watch === undefined) return work;
  let isGivenUp = false;
  work.then(
    (value) => {
      if (isGivenUp) late?.(value);
    },
    () => undefined,
  );
  return watch.guard(work).catch((error: unknown) => {
    isGivenUp = true;
    if (isLost(error)) watch.suspect();
    throw error;
  });
}

const wrapped = new WeakMap<pg.PoolClient, PostgresPoolClient>();

/** The same object for the same connection: that is how the query builder knows it again. */
function inOurWords(client: pg.PoolClient, watch: Watch | undefined): PostgresPoolClient {
  const known = wrapped.get(client);
  if (known !== undefined) return known;
  let isBroken = false;
  const query = (text: string, parameters: readonly unknown[]) =>
    guarded(client.query(text, [...parameters]), watch).catch((error: unknown) => {
      isBroken ||= isLost(error);
      return refuse(error);
    });
  // A connection that breaks in use says so, too, where nobody listens; its query fails all the same.
  client.on('error', () => undefined);
  // One whose answer never came is not given to the next.
  const ours = { query, release: () => client.release(isBroken) } as unknown as PostgresPoolClient;
  wrapped.set(client, ours);
  return ours;
}

/** Connection failures, shut-downs, too many connections, time-outs, deadlocks: all may work later. */
const PASSING = /^(08...|57P0.|57014|53...|55P03|40001|40P01|25P03|E[A-Z]+)$/;
/** Text that Postgres cannot hold, such as a zero byte. */
const NO_TEXT = /^(22021|22P05)$/;

/** Whether the connection is what failed, and not the query. */
function isLost(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: string };
  if (typeof code === 'string') return /^(08...|57P0.|E[A-Z]+)$/.test(code);
  return /timeout|terminated|Client has encountered a connection error/i.test(message ?? '');
}

function refuse(error: unknown): never {
  const { code } = error as { code?: unknown };
  const name = typeof code === 'string' ? code : '';
  if (NO_TEXT.test(name)) throw new RelayError('bad-request', 'text that cannot be stored', { cause: error });
  if (PASSING.test(name) || isLost(error))
    throw new RelayError('busy', `the database does not answer (${name === '' ? 'connection lost' : name})`, {
      ...{ cause: error, retryAfterS: RETRY_AFTER_S },
    });
  throw error;
}

/** For people: where it is, never with whom or which password. */
export function placeOfPostgres(url: string): string {
  if (!URL.canParse(url)) return 'Postgres';
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}${port === '' ? '' : `:${port}`}${pathname} (Postgres)`;
}
