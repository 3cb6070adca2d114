/**
 * What instances tell each other and what may happen once, in Redis. A message that is lost costs
 * its listeners the time until they look for themselves. While the server is away, what was used
 * up here stays used up here, and the first use of anything else is allowed: refusing it would
 * turn away everybody, and a token that was used elsewhere lives for ten minutes at most.
 */
import type { Clock } from '../clock.ts';
import { memoryBroadcast, type Broadcast } from './broadcast.ts';
import { memoryOnce, type Once } from './once.ts';
import { PREFIX, RedisAway, type RedisLink } from './redis-link.ts';
import { hashed } from './redis-state.ts';

const CHANNEL = 'say';
/** Uses that are told to the others when the server is back. */
const MOST_UNTOLD = 10_000;
const SHORTEST_MS = 60_000;

export function redisBroadcast(link: RedisLink, instance: string): Broadcast {
  const here = memoryBroadcast();
  link.listen(CHANNEL, (text) => {
    const [from, channel, message] = JSON.parse(text) as [string, string, string];
    if (from !== instance) void here.publish(channel, message);
  });
  return {
    async publish(channel, message) {
      await here.publish(channel, message);
      await link.say(CHANNEL, JSON.stringify([instance, channel, message])).catch(lost);
    },
    subscribe: (channel, listener) => here.subscribe(channel, listener),
  };
}

function lost(error: unknown): void {
  if (!(error instanceof RedisAway)) throw error;
}

export function redisOnce(link: RedisLink, clock: Clock): Once & { close(): void } {
  const here = memoryOnce(clock);
  const untold = new Map<string, number>();
  const keyOf = (key: string) => `${PREFIX}:once:${hashed(key)}`;

  /** By how long it is from now, so that clocks may differ from the server's and, by less than that, from each other. */
  const use = (key: string, untilMs: number) => {
    const lifeMs = Math.max(SHORTEST_MS, Math.ceil(untilMs - clock.wallNow()));
    return link.run((redis) => redis.set(keyOf(key), 1, 'PX', lifeMs, 'NX'));
  };

  async function tell(): Promise<void> {
    for (const [key, untilMs] of untold) {
      await use(key, untilMs);
      untold.delete(key);
    }
  }
  const stop = link.onChange((isUp) => {
    if (isUp) void tell().catch(() => undefined);
  });

  return {
    async first(key, untilMs) {
      if (!(await here.first(key, untilMs))) return false;
      try {
        return (await use(key, untilMs)) === 'OK';
      } catch (error) {
        if (!(error instanceof RedisAway)) throw error;
        if (untold.size < MOST_UNTOLD) untold.set(key, untilMs);
        return true;
      }
    },
    close: stop,
  };
}
