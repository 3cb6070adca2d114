/**
 * Postgres, for more than one instance: a small pool, every statement bounded in time, and
 * failures of the connection in the relay's own words. Numbers come as numbers.
 */
import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { RelayError } from '../errors.ts';
import type { Tables } from './schema.ts';

const LARGEST_POOL = 10;
const CONNECT_MS = 5_000;
const STATEMENT_MS = 10_000;
const IDLE_IN_TRANSACTION_MS = 30_000;
const IDLE_MS = 30_000;
const RETRY_AFTER_S = 2;

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

/** @param options - `isPatient` lets statements take their time, for migrations. */
export function openPostgres(url: string, options: { isPatient?: boolean } = {}): Kysely<Tables> {
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
        connect: () => pool.connect().then(inOurWords, refuse),
        end: () => pool.end(),
      },
    }),
  });
}

const wrapped = new WeakMap<pg.PoolClient, PostgresPoolClient>();

/** The same object for the same connection: that is how the query builder knows it again. */
function inOurWords(client: pg.PoolClient): PostgresPoolClient {
  const known = wrapped.get(client);
  if (known !== undefined) return known;
  const query = (text: string, parameters: readonly unknown[]) =>
    client.query(text, [...parameters]).catch((error: unknown) => refuse(error));
  // A connection that breaks in use says so, too, where nobody listens; its query fails all the same.
  client.on('error', () => undefined);
  const ours = { query, release: () => client.release() } as unknown as PostgresPoolClient;
  wrapped.set(client, ours);
  return ours;
}

/** Connection failures, shut-downs, too many connections, time-outs, deadlocks: all may work later. */
const PASSING = /^(08...|57P0.|57014|53...|55P03|40001|40P01|25P03|E[A-Z]+)$/;
/** Text that Postgres cannot hold, such as a zero byte. */
const NO_TEXT = /^(22021|22P05)$/;

function refuse(error: unknown): never {
  const { code, message } = error as { code?: unknown; message?: string };
  const name = typeof code === 'string' ? code : '';
  if (NO_TEXT.test(name)) throw new RelayError('bad-request', 'text that cannot be stored', { cause: error });
  const isLost = /timeout|terminated|Client has encountered a connection error/i.test(message ?? '');
  if (PASSING.test(name) || (name === '' && isLost))
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
