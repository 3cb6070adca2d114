/**
 * A look at Redis or Valkey from beside: whether it lets this relay in, what it is, and whether it
 * can be relied on. Writes nothing and joins nobody.
 */
import { Redis } from 'ioredis';

const CONNECT_MS = 5_000;
const COMMAND_MS = 5_000;

export interface RedisFindings {
  /** Host and port, never a name or password. */
  place: string;
  product: 'Redis' | 'Valkey';
  version: string;
  /** A copy takes no writes. */
  isReplica: boolean;
  /** Where there is a limit of memory, what is thrown away at it; null without one. */
  evicts: string | null;
  pingMs: number;
  /** Its clock, and ours in the middle of the question, in milliseconds since 1970. */
  clock: { theirs: number; ours: number; tookMs: number };
}

/** @throws when it does not answer or refuses name or password, in the server's own words. */
export async function examineRedis(url: string): Promise<RedisFindings> {
  const redis = new Redis(url, {
    ...{ lazyConnect: true, enableOfflineQueue: false, enableReadyCheck: false, maxRetriesPerRequest: 0 },
    ...{ connectTimeout: CONNECT_MS, commandTimeout: COMMAND_MS, retryStrategy: () => null },
    connectionName: 'voice-jib-jab-doctor',
  });
  let reason: Error | undefined;
  redis.on('error', (error) => (reason ??= error));
  try {
    await redis.connect();
    const pinged = performance.now();
    await redis.ping();
    const pingMs = performance.now() - pinged;
    const from = Date.now();
    const [seconds, micros] = await redis.time();
    const till = Date.now();
    const said = await redis.info();
    return {
      ...{ ...toldBy(said), place: `${redis.options.host ?? ''}:${redis.options.port ?? ''}` },
      pingMs,
      clock: {
        ...{ theirs: Number(seconds) * 1000 + Number(micros) / 1000, ours: (from + till) / 2 },
        tookMs: till - from,
      },
    };
  } catch (error) {
    // What the server said is worth more than that the connection then closed.
    throw reason ?? error;
  } finally {
    redis.disconnect();
  }
}

/** From the server's own description. */
export function toldBy(info: string): Pick<RedisFindings, 'product' | 'version' | 'isReplica' | 'evicts'> {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const valkey = field('valkey_version');
  const isBounded = (field('maxmemory') ?? '0') !== '0';
  return {
    product: valkey === undefined ? 'Redis' : 'Valkey',
    version: valkey ?? field('redis_version') ?? '?',
    isReplica: field('role') === 'slave',
    evicts: isBounded ? (field('maxmemory_policy') ?? '?') : null,
  };
}
