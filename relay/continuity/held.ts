/**
 * The conversations that this instance holds, and the writing of their newest state: one write under
 * way for each, a few in all, and what is newer takes the place of what waits. A store that does not
 * answer costs nobody anything: it is asked again, with whatever is newest then. Knows no store.
 */
import type { Clock } from '../clock.ts';
import type { Checkpoint } from './continuity.ts';

/** Writes under way at once, over all conversations: the store's other users are not crowded out. */
const MOST_AT_ONCE = 4;
/** Conversations whose end is still to be written; beyond that the sweep finds them. */
const MOST_ENDED = 10_000;
/** A write that the store answers with anything but "not now" is given up after this many tries. */
const MOST_TRIES = 3;
const FIRST_REST_MS = 250;
const LONGEST_REST_MS = 10_000;

export interface Held {
  readonly session: string;
  /** Take-overs so far: with it the store knows who holds the conversation. */
  readonly version: number;
  /** Of the first checkpoint. */
  tenant: string | null;
}

/** What a conversation's end leaves in the store. */
export type Ending = 'remove' | 'let-go';

export interface HeldWrites {
  /** @returns false when another instance holds the conversation. */
  save(held: Held, checkpoint: Checkpoint): Promise<boolean>;
  end(held: Held, tenant: string, ending: Ending): Promise<void>;
}

export interface HeldBook {
  readonly size: number;
  /** Conversations with something that is not written yet. */
  readonly waiting: number;
  has(session: string): boolean;
  /** Whether it is held, or was and its end is not written yet. */
  knows(session: string): boolean;
  /** Takes it up; nothing when it is held already. */
  add(session: string, version: number): void;
  /** Nothing when it is not held. */
  save(checkpoint: Checkpoint): void;
  /** It is held no more, and its end is written after its newest state. @returns when that is done or given up. */
  end(session: string, ending: Ending): Promise<void>;
  /** It is held no more, and nothing of it is written any more. @returns whether it was held. */
  drop(session: string): boolean;
  /** Resolves when all that waits was written or given up, or the store fails. */
  flush(): Promise<void>;
  stop(): void;
}

interface Entry extends Held {
  newest: Checkpoint | null;
  ending: Ending | null;
  isWriting: boolean;
  tries: number;
  /** Told when nothing of it waits any more. */
  done: (() => void)[];
}

export function createHeldBook(options: {
  clock: Clock;
  writes: HeldWrites;
  /** Another instance has the conversation: it was dropped. */
  onTaken: (session: string) => void;
  /** `isGivenUp`: this state will not be written; the next one may be. */
  onProblem: (problem: { error: unknown; isGivenUp: boolean }) => void;
  /** Whether the store may answer later; others are given up after some tries. */
  isPassing: (error: unknown) => boolean;
}): HeldBook {
  const { clock, writes } = options;
  const entries = new Map<string, Entry>();
  /** Ended, and still to be written. */
  const ended = new Set<Entry>();
  const dirty = new Set<Entry>();
  let writing = 0;
  let restMs = 0;
  let wake: (() => void) | null = null;
  let isStopped = false;
  let flushed: (() => void)[] = [];

  function settle(entry: Entry): void {
    entry.newest = null;
    entry.ending = null;
    entry.tries = 0;
    dirty.delete(entry);
    ended.delete(entry);
    for (const tell of entry.done.splice(0)) tell();
  }

  function pump(): void {
    if (isStopped || wake) return;
    for (const entry of dirty) {
      if (writing >= MOST_AT_ONCE) return;
      dirty.delete(entry);
      writing += 1;
      entry.isWriting = true;
      void write(entry).then(() => {
        writing -= 1;
        entry.isWriting = false;
        if (entry.newest !== null || entry.ending !== null) dirty.add(entry);
        pump();
        if (writing === 0 && (dirty.size === 0 || wake)) for (const tell of flushed.splice(0)) tell();
      });
    }
  }

  async function write(entry: Entry): Promise<void> {
    const { newest, ending } = entry;
    try {
      if (newest !== null) {
        const isOurs = await writes.save(entry, newest);
        if (!isOurs) {
          settle(entry);
          if (entries.get(entry.session) === entry) {
            entries.delete(entry.session);
            options.onTaken(entry.session);
          }
          return;
        }
        if (entry.newest === newest) entry.newest = null;
      }
      // What was never saved leaves nothing to be ended.
      if (ending !== null && entry.tenant !== null) await writes.end(entry, entry.tenant, ending);
      if (entry.newest === null && entry.ending === ending) settle(entry);
      restMs = 0;
      entry.tries = 0;
    } catch (error) {
      failed(entry, newest, error);
    }
  }

  function failed(entry: Entry, newest: Checkpoint | null, error: unknown): void {
    const isPassing = options.isPassing(error);
    entry.tries += 1;
    const isGivenUp = !isPassing && entry.tries >= MOST_TRIES;
    if (isGivenUp) {
      if (entry.newest === newest) entry.newest = null;
      if (entry.newest === null) settle(entry);
    }
    // Told once an outage, not once a try.
    if (restMs === 0 || isGivenUp) options.onProblem({ error, isGivenUp });
    if (isGivenUp) return;
    restMs = restMs === 0 ? FIRST_REST_MS : Math.min(LONGEST_REST_MS, restMs * 2);
    if (wake || isStopped) return;
    const cancel = clock.wakeAt(clock.now() + restMs, () => {
      wake = null;
      pump();
    });
    wake = cancel;
  }

  function soon(entry: Entry): void {
    if (!entry.isWriting) dirty.add(entry);
    // Not in the caller's own turn: whoever saves is in the middle of a conversation.
    setImmediate(pump);
  }

  return {
    get size() {
      return entries.size;
    },
    get waiting() {
      return new Set([...dirty, ...ended, ...[...entries.values()].filter(({ isWriting }) => isWriting)]).size;
    },
    has: (session) => entries.has(session),
    knows: (session) => entries.has(session) || [...ended].some((one) => one.session === session),
    add(session, version) {
      if (entries.has(session)) return;
      const nothing = { newest: null, ending: null, isWriting: false, tries: 0, done: [] };
      entries.set(session, { session, version, tenant: null, ...nothing });
    },
    save(checkpoint) {
      const entry = entries.get(checkpoint.session);
      if (!entry) return;
      entry.tenant = checkpoint.tenant;
      entry.newest = checkpoint;
      soon(entry);
    },
    end(session, ending) {
      const entry = entries.get(session);
      if (!entry) return Promise.resolve();
      entries.delete(session);
      // Of what ends for good, nothing new is written first.
      if (ending === 'remove') entry.newest = null;
      if (entry.tenant === null || ended.size >= MOST_ENDED) {
        settle(entry);
        return Promise.resolve();
      }
      entry.ending = ending;
      ended.add(entry);
      soon(entry);
      return new Promise((resolve) => entry.done.push(resolve));
    },
    drop(session) {
      const entry = entries.get(session);
      if (!entry) return false;
      entries.delete(session);
      settle(entry);
      return true;
    },
    async flush() {
      if (isStopped || (dirty.size === 0 && writing === 0)) return;
      // One more try now, whatever the store did before.
      wake?.();
      wake = null;
      const done = new Promise<void>((resolve) => (flushed = [...flushed, resolve]));
      pump();
      await done;
    },
    stop() {
      isStopped = true;
      wake?.();
      wake = null;
      for (const tell of flushed.splice(0)) tell();
      for (const entry of [...ended]) settle(entry);
    },
  };
}
