/**
 * Who holds which conversation, in Redis: one key each, taken by compare and set, renewed together.
 * Who takes one from somebody says so at once, and a renewal finds it in any case: as long as the
 * server answers, no two believe for longer than the time between renewals that they hold the same.
 *
 * While it is away nobody knows who holds what: new conversations are held by their instance's
 * word alone, and a conversation that was somebody else's is not taken over.
 */
import type { Clock } from '../clock.ts';
import { RelayError } from '../errors.ts';
import type { Broadcast } from './broadcast.ts';
import { LEASE_TTL_MS } from './lease-book.ts';
import type { Owner, Ownership } from './ownership.ts';
import { hashed } from './redis-state.ts';
import { PREFIX, RedisAway, type RedisLink } from './redis-link.ts';

const CHANNEL = 'taken';
/** Sessions of one tag lie on one node of a cluster and are renewed by one script. */
const TAGS = 16;
const RENEWED_AT_ONCE = 200;
const RETRY_S = 1;

/** The value of a key is `instance url`. */
const CLAIM = `local held = redis.call('GET', KEYS[1])
local by = held and string.match(held, '^%S+')
if by and by ~= ARGV[2] and by ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
if by and by ~= ARGV[2] then return 2 end
return 1`;
const RENEW = `local gone = {}
for i, key in ipairs(KEYS) do
  local held = redis.call('GET', key)
  if held and held ~= ARGV[1] then gone[#gone + 1] = i else redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
end
return gone`;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

const tagOf = (session: string) =>
  Number.parseInt(Buffer.from(hashed(session)).subarray(0, 2).toString('hex'), 16) % TAGS;
const keyOf = (session: string) => `${PREFIX}:{own:${tagOf(session)}}:${session}`;

/** @param options.leaseMs - Life of what is not renewed; tests have no half a minute. */
export function redisOwnership(
  link: RedisLink,
  options: { self: Owner; clock: Clock; broadcast: Broadcast; leaseMs?: number },
): Ownership & { close(): void } {
  const { self, clock, broadcast, leaseMs = LEASE_TTL_MS } = options;
  // Where it is reached by is known when it listens.
  const value = () => `${self.instance} ${self.url}`;
  const held = new Set<string>();
  /** Claims that were not answered yet, by session, and those sessions that were let go of meanwhile. */
  const claims = new Map<string, number>();
  const letGo = new Set<string>();
  const listeners = new Set<(session: string) => void>();
  let cancelRenewal: (() => void) | null = null;

  async function renewTag(sessions: string[]): Promise<void> {
    for (let at = 0; at < sessions.length; at += RENEWED_AT_ONCE) {
      const some = sessions.slice(at, at + RENEWED_AT_ONCE);
      const gone = (await link.script(RENEW, some.map(keyOf), [value(), leaseMs])) as number[];
      for (const index of gone) {
        const session = some[index - 1];
        if (session === undefined || !held.delete(session)) continue;
        for (const listener of [...listeners]) listener(session);
      }
      // What was let go of while the script was under way is not held again by it.
      for (const session of some) if (!held.has(session)) forget(session);
    }
  }
  async function renew(): Promise<void> {
    const byTag = new Map<number, string[]>();
    for (const session of held) byTag.set(tagOf(session), [...(byTag.get(tagOf(session)) ?? []), session]);
    for (const sessions of byTag.values()) await renewTag(sessions);
  }
  function renewLater(): void {
    cancelRenewal ??= clock.wakeAt(clock.now() + leaseMs / 3, () => {
      cancelRenewal = null;
      void renew().catch(() => undefined);
      if (held.size > 0) renewLater();
    });
  }
  function answered(session: string): void {
    const others = (claims.get(session) ?? 1) - 1;
    if (others > 0) claims.set(session, others);
    else claims.delete(session);
  }
  const forget = (session: string) => void link.script(RELEASE, [keyOf(session)], [value()]).catch(() => undefined);

  const stops = [
    link.onChange((isUp) => {
      if (isUp) void renew().catch(() => undefined);
    }),
    broadcast.subscribe(CHANNEL, (session) => {
      if (held.has(session)) void renewTag([session]).catch(() => undefined);
    }),
  ];

  return {
    async claim(session, from) {
      let answer: unknown;
      claims.set(session, (claims.get(session) ?? 0) + 1);
      try {
        answer = await link.script(CLAIM, [keyOf(session)], [value(), self.instance, from ?? '', leaseMs]);
      } catch (error) {
        // A new conversation is nobody else's; the renewal says so when the server is back.
        if (from !== undefined) {
          letGo.delete(session);
          throw away(error);
        }
        answer = 1;
      } finally {
        answered(session);
      }
      if (letGo.has(session)) {
        // A renewal would hold it for ever.
        if (!claims.has(session)) letGo.delete(session);
        forget(session);
        return false;
      }
      if (answer === 0) return false;
      held.add(session);
      renewLater();
      if (answer === 2) await broadcast.publish(CHANNEL, session);
      return true;
    },
    async ownerOf(session) {
      try {
        const found = await link.run((redis) => redis.get(keyOf(session)));
        if (found === null) return undefined;
        const space = found.indexOf(' ');
        return { instance: found.slice(0, space), url: found.slice(space + 1) };
      } catch (error) {
        throw away(error);
      }
    },
    release(session) {
      if (claims.has(session)) letGo.add(session);
      held.delete(session);
      if (held.size === 0) {
        cancelRenewal?.();
        cancelRenewal = null;
      }
      forget(session);
    },
    onTaken(listener) {
      const own = (session: string) => listener(session);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    close() {
      for (const stop of stops) stop();
      cancelRenewal?.();
      cancelRenewal = null;
    },
  };
}

/** Somebody else may hold it, and nobody can say: come back in a moment. */
const away = (error: unknown) =>
  error instanceof RedisAway
    ? new RelayError('busy', 'nobody can say who holds the conversation', { cause: error, retryAfterS: RETRY_S })
    : error;
