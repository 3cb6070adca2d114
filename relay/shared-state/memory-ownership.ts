/**
 * Who holds which conversation, in one process. Instances that share a book share it as those of
 * a real deployment do: each renews what it holds, and learns at a renewal what was taken from it.
 */
import { systemClock, type Clock } from '../clock.ts';
import { LEASE_TTL_MS } from './lease-book.ts';
import type { Owner, Ownership } from './ownership.ts';

/** How often a holder says that it lives, in milliseconds: no two believe for longer that they hold the same. */
export const RENEW_EVERY_MS = LEASE_TTL_MS / 3;

/** What several instances have written down together. */
export type OwnershipBook = Map<string, { owner: Owner; until: number }>;

export const createOwnershipBook = (): OwnershipBook => new Map();

/**
 * @param options.book - Shared by those who are instances of one relay; a book of its own by default.
 * @returns with `close`, which lets go of nothing: what is not renewed any more runs out.
 */
export function memoryOwnership(options: {
  self: Owner;
  clock?: Clock;
  book?: OwnershipBook;
}): Ownership & { close(): void } {
  const { self, clock = systemClock, book = createOwnershipBook() } = options;
  const held = new Set<string>();
  const listeners = new Set<(session: string) => void>();
  let cancelRenewal: (() => void) | null = null;

  const holderOf = (session: string) => {
    const entry = book.get(session);
    return entry !== undefined && entry.until > clock.now() ? entry.owner : undefined;
  };
  const put = (session: string) => void book.set(session, { owner: self, until: clock.now() + LEASE_TTL_MS });

  function renew(): void {
    for (const session of [...held]) {
      const holder = holderOf(session);
      // One that was only slow has it again, as long as nobody else took it.
      if (holder === undefined || holder.instance === self.instance) {
        put(session);
        continue;
      }
      held.delete(session);
      for (const listener of [...listeners]) listener(session);
    }
  }
  function renewLater(): void {
    cancelRenewal ??= clock.wakeAt(clock.now() + RENEW_EVERY_MS, () => {
      cancelRenewal = null;
      renew();
      if (held.size > 0) renewLater();
    });
  }
  function rest(): void {
    cancelRenewal?.();
    cancelRenewal = null;
  }

  return {
    claim(session, from) {
      const holder = holderOf(session)?.instance;
      if (holder !== undefined && holder !== self.instance && holder !== from) return Promise.resolve(false);
      put(session);
      held.add(session);
      renewLater();
      return Promise.resolve(true);
    },
    ownerOf: (session) => Promise.resolve(holderOf(session)),
    release(session) {
      held.delete(session);
      if (book.get(session)?.owner.instance === self.instance) book.delete(session);
      if (held.size === 0) rest();
    },
    onTaken(listener) {
      const own = (session: string) => listener(session);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    close: rest,
  };
}
