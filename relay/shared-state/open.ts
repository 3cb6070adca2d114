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
import type { SharedState } from './shared-state.ts';

export interface SharedServices {
  readonly shared: SharedState;
  readonly ownership: Ownership;
  readonly broadcast: Broadcast;
  readonly once: Once;
  /** Whether instances can agree at this moment; while not, each goes on by its own share. */
  isUp(): boolean;
  /**
   * Told at each change of {@link SharedServices.isUp}.
   *
   * @returns what ends it.
   */
  onChange(listener: (isUp: boolean) => void): () => void;
  /**
   * Instances of which was heard within the last `withinMs`, this one included.
   *
   * @returns undefined when that is not known for certain for all of that time.
   */
  heardOf(withinMs: number): Promise<ReadonlySet<string> | undefined>;
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
    onChange: () => () => undefined,
    heardOf: () => Promise.resolve(undefined),
    close() {
      ownership.close();
      return Promise.resolve();
    },
  };
}
