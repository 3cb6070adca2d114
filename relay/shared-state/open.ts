/**
 * Everything that instances share, as one thing that is opened and closed: limits and leases, who
 * holds which conversation, what they tell each other, what may happen once. In this process alone,
 * or among all that name the same Redis.
 */
import type { Clock } from '../clock.ts';
import { memoryBroadcast, type Broadcast } from './broadcast.ts';
import { createLeaseBook, type LeaseBook } from './lease-book.ts';
import { createOwnershipBook, memoryOwnership, type OwnershipBook } from './memory-ownership.ts';
import { memorySharedState } from './memory.ts';
import { memoryOnce, type Once } from './once.ts';
import type { Owner, Ownership } from './ownership.ts';
import { openRedisLink } from './redis-link.ts';
import { redisBroadcast, redisOnce } from './redis-messages.ts';
import { redisOwnership } from './redis-ownership.ts';
import { redisSharedState } from './redis-state.ts';
import type { SharedState } from './shared-state.ts';

export interface SharedServices {
  readonly shared: SharedState;
  readonly ownership: Ownership;
  readonly broadcast: Broadcast;
  readonly once: Once;
  /** Whether instances can agree at this moment; while not, each goes on by its own share. */
  isUp(): boolean;
  /** How many share, as far as was known last. */
  instances(): number;
  /**
   * Told at each change of {@link SharedServices.isUp}.
   *
   * @returns what ends it.
   */
  onChange(listener: (isUp: boolean) => void): () => void;
  close(): Promise<void>;
}

/** What instances of one process share: tests that have several. */
export interface SharedBooks {
  leases: LeaseBook;
  ownership: OwnershipBook;
  broadcast: Broadcast;
  once: Once;
}

export const createBooks = (clock: Clock): SharedBooks => ({
  leases: createLeaseBook(),
  ownership: createOwnershipBook(),
  broadcast: memoryBroadcast(),
  once: memoryOnce(clock),
});

/** @param books - Shared by several instances in one process; its own by default. */
export function memoryServices(self: Owner, clock: Clock, books = createBooks(clock)): SharedServices {
  const ownership = memoryOwnership({ self, clock, book: books.ownership });
  return {
    shared: memorySharedState({ clock, book: books.leases }),
    ...{ ownership, broadcast: books.broadcast, once: books.once },
    isUp: () => true,
    instances: () => 1,
    onChange: () => () => undefined,
    close() {
      ownership.close();
      return Promise.resolve();
    },
  };
}

/**
 * @param options.leaseMs - Life of leases that nobody renews.
 * @throws {SharedStateError} when the server refuses name or password; one that is away is waited for
 *   while the relay runs.
 */
export async function redisServices(
  url: string,
  options: { self: Owner; clock: Clock; leaseMs?: number },
): Promise<SharedServices> {
  const { self, clock } = options;
  const { instance } = self;
  const link = await openRedisLink({ url, instance, clock });
  const broadcast = redisBroadcast(link, instance);
  const once = redisOnce(link, clock);
  const shared = redisSharedState(link, { ...options, instance });
  const ownership = redisOwnership(link, { ...options, broadcast });
  return {
    ...{ shared, ownership, broadcast, once },
    isUp: () => link.isUp,
    instances: () => link.instances,
    onChange: (listener) => link.onChange(listener),
    async close() {
      for (const part of [shared, ownership, once]) part.close();
      await link.close();
    },
  };
}

/** Redis where one is named, and otherwise this process alone. */
export function openSharedState(
  url: string | undefined,
  options: { self: Owner; clock: Clock },
): Promise<SharedServices> {
  if (url !== undefined) return redisServices(url, options);
  return Promise.resolve(memoryServices(options.self, options.clock));
}
