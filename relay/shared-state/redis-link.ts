/**
 * The connection to Redis or Valkey, and whether it answers. Every command has a quarter of a
 * second; while the server is away none is sent and none is queued, so that whoever asks can go on
 * by itself at once. The sign of life that instances leave there is what tells: it is written every
 * second, so a server that answers and cannot write counts as away. Knows no limits and no leases.
 */
import { createHash } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import type { Clock } from '../clock.ts';

/** How long a command may take, in milliseconds. */
export const COMMAND_MS = 250;
/** How often the server is asked whether it is there, and told that this instance is, in milliseconds. */
export const LOOK_EVERY_MS = 1_000;
/** An instance that was not heard of for this long does not count, in milliseconds. */
export const INSTANCE_LIFE_MS = 30_000;
/** Instances are remembered for this long after their last sign of life, in milliseconds. */
const INSTANCE_KEPT_MS = 3_600_000;
const CONNECT_MS = 1_000;
const RECONNECT_MS = 200;

/** Every key and channel begins so. */
export const PREFIX = 'vjj';
const INSTANCES = `${PREFIX}:instances`;

/** Time is the server's, so that clocks of instances may differ. */
export const SERVER_NOW = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)";

const SIGN_OF_LIFE = `${SERVER_NOW}
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('ZCOUNT', KEYS[1], now - ARGV[2], '+inf')`;

/** The server does not answer; whoever asked goes on without it. */
export class RedisAway extends Error {
  override readonly name = 'RedisAway';
}

/** The start is refused: the server is there and does not let this relay in. In words for the operator. */
export class SharedStateError extends Error {
  override readonly name = 'SharedStateError';
}

export interface RedisLink {
  readonly isUp: boolean;
  /** Instances that live, as of the last time the server answered; 1 before. */
  readonly instances: number;
  /** @throws {RedisAway} at once while the server is away, and after {@link COMMAND_MS} when it does not answer. */
  run<T>(command: (redis: Redis) => Promise<T>): Promise<T>;
  /** Runs a script; the server keeps it by its hash. */
  script(lua: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  onChange(listener: (isUp: boolean) => void): () => void;
  /** @throws {RedisAway} */
  say(channel: string, message: string): Promise<void>;
  /** Everything that is said on `channel` from now on, also after the connection was lost. */
  listen(channel: string, listener: (message: string) => void): void;
  /** Takes this instance off the list. */
  close(): Promise<void>;
}

/**
 * Connects, and does not wait for ever: a server that is away now is there later.
 *
 * @throws {SharedStateError} when the server refuses the name or the password.
 */
export async function openRedisLink(options: { url: string; instance: string; clock: Clock }): Promise<RedisLink> {
  const { url, instance, clock } = options;
  const settings = {
    lazyConnect: true,
    enableOfflineQueue: false,
    // What was sent and not answered has been given up; a lease must not be taken twice.
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS,
    disconnectTimeout: COMMAND_MS,
    connectionName: 'voice-jib-jab',
    retryStrategy: () => RECONNECT_MS + Math.random() * RECONNECT_MS,
  } satisfies RedisOptions;
  const redis = new Redis(url, settings);
  const ear = new Redis(url, settings);
  // Pub/sub knows no databases: two deployments on one server would hear each other.
  const channelOf = (name: string) => `${PREFIX}:${String(redis.options.db ?? 0)}:${name}`;
  const ears = new Map<string, (message: string) => void>();
  const listeners = new Set<(isUp: boolean) => void>();
  let isUp = false;
  let isClosed = false;
  let instances = 1;
  let refusal: string | undefined;
  let looking: Promise<void> | undefined;
  let cancelLook: () => void = () => undefined;

  function set(next: boolean): void {
    if (isUp === next || isClosed) return;
    isUp = next;
    for (const listener of [...listeners]) listener(next);
  }

  const noteRefusal = (error: Error) => {
    if (/^(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR AUTH|ERR DB index)/.test(error.message))
      refusal = error.message;
  };
  redis.on('error', noteRefusal);
  ear.on('error', noteRefusal);
  redis.on('ready', () => void look());
  redis.on('close', () => set(false));
  ear.on('ready', () => {
    for (const channel of ears.keys()) ear.subscribe(channel).catch(() => ear.disconnect(true));
  });
  ear.on('message', (channel: string, message: string) => ears.get(channel)?.(message));

  /** One command within its time. An answer that is there counts, though this process was late to look. */
  function inTime<T>(command: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const cancel = clock.wakeAt(clock.now() + COMMAND_MS, () =>
        setImmediate(() => {
          if (isOver) return;
          isOver = true;
          reject(new RedisAway('no answer in time'));
        }),
      );
      const over = () => {
        isOver = true;
        cancel();
      };
      command().then(
        (value) => {
          over();
          resolve(value);
        },
        (error: unknown) => {
          over();
          reject(new RedisAway('the command failed', { cause: error }));
        },
      );
    });
  }

  async function probe(): Promise<void> {
    const args = [INSTANCES, instance, INSTANCE_LIFE_MS, INSTANCE_KEPT_MS];
    try {
      if (redis.status !== 'ready') throw new RedisAway('not connected');
      instances = Math.max(1, Number(await inTime(() => redis.eval(SIGN_OF_LIFE, 1, ...args))));
      set(true);
    } catch {
      set(false);
      // It may be half open: only a new connection tells. One that is being made is let be.
      if (redis.status === 'ready' || redis.status === 'connect') redis.disconnect(true);
    }
    if (ear.status === 'connect') ear.disconnect(true);
    if (ear.status !== 'ready') return;
    // Nobody would notice that this one is dead: what it hears comes unasked.
    await inTime(() => ear.ping()).catch(() => {
      if (!isClosed) ear.disconnect(true);
    });
  }

  function look(): Promise<void> {
    looking ??= probe().finally(() => {
      looking = undefined;
      cancelLook();
      if (!isClosed) cancelLook = clock.wakeAt(clock.now() + LOOK_EVERY_MS, () => void look());
    });
    return looking;
  }

  const link: RedisLink = {
    get isUp() {
      return isUp;
    },
    get instances() {
      return instances;
    },
    async run(command) {
      if (!isUp) throw new RedisAway('away');
      try {
        return await inTime(() => command(redis));
      } catch (error) {
        void look();
        throw error;
      }
    },
    script: (lua, keys, args) =>
      link.run(async (to) => {
        const known = scripts.get(lua) ?? remember(lua);
        return known(to, keys, args);
      }),
    onChange(listener) {
      const own = (now: boolean) => listener(now);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    say: (channel, message) => link.run((to) => to.publish(channelOf(channel), message)).then(() => undefined),
    listen(channel, listener) {
      ears.set(channelOf(channel), listener);
      if (ear.status === 'ready') ear.subscribe(channelOf(channel)).catch(() => ear.disconnect(true));
    },
    async close() {
      if (isUp) await link.run((to) => to.zrem(INSTANCES, instance)).catch(() => undefined);
      isClosed = true;
      cancelLook();
      await looking;
      cancelLook();
      redis.disconnect();
      ear.disconnect();
    },
  };

  await Promise.allSettled([redis.connect(), ear.connect()]);
  await look();
  if (refusal === undefined) return link;
  await link.close();
  throw new SharedStateError(`Redis (REDIS_URL) does not let this relay in: ${refusal}`);
}

type Script = (redis: Redis, keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;
const scripts = new Map<string, Script>();

/** By its hash, and whole where the server has not seen it or has forgotten it. */
function remember(lua: string): Script {
  const sha = createHash('sha1').update(lua).digest('hex');
  const script: Script = (redis, keys, args) =>
    redis.evalsha(sha, keys.length, ...keys, ...args).catch((error: unknown) => {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(lua, keys.length, ...keys, ...args);
    });
  scripts.set(lua, script);
  return script;
}
