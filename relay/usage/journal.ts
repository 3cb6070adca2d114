/**
 * The record of what happened, on its way to the store. Nobody waits for it. It is written in the
 * order of its making; while the store is away it goes to the disk instead, in the same order, and
 * from there to the store when that is back, in this process or the next. Entries are plain data
 * and are written so that twice is once. Knows no store and no entry.
 */
import type { Clock } from '../clock.ts';
import type { Spool } from './spool.ts';

const MOST_WAITING = 10_000;
/** An entry that failed this often, and not because the store is away, is given up. */
const MOST_TRIES = 10;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;
/** A write that takes longer goes to the disk as well, in milliseconds: what a crash may lose. */
const LATE_MS = 3_000;
const CATCH_UP_EVERY_MS = 2_000;

export interface Journal<E> {
  add(entry: E): void;
  /**
   * For who keeps it otherwise: resolves when it is written or on the disk.
   *
   * @throws when it is neither.
   */
  put(entry: E): Promise<void>;
  /** Entries are on the disk that the store has not. */
  readonly isBehind: boolean;
  readonly waiting: number;
  /** Writes what an earlier process left on the disk. */
  start(): void;
  /** The store may be back: tries at once. */
  retry(): void;
  /** Resolves when all that was added by now is written, on the disk, or given up. */
  settled(): Promise<void>;
  /** Tries what is left once more, without waiting between tries, and takes nothing more. */
  stop(): Promise<void>;
}

export interface JournalOptions<E> {
  clock: Clock;
  write: (entry: E) => Promise<void>;
  /** Whether the write may work when the store is back. */
  isAway?: (error: unknown) => boolean;
  spool?: Spool<E>;
  most?: number;
  /** `lost` entries were given up: one that failed too often, or all that did not fit. */
  onProblem?: (problem: { what: 'write' | 'disk' | 'full' | 'damaged'; lost: number; error?: unknown }) => void;
  /** Entries go to the disk from now on, or to the store again. */
  onBehind?: (isBehind: boolean) => void;
}

export function createJournal<E>(options: JournalOptions<E>): Journal<E> {
  const { clock, write, spool, most = MOST_WAITING } = options;
  const { isAway = () => false, onProblem = () => undefined, onBehind = () => undefined } = options;
  const queue: { entry: E; done?: (error?: unknown) => void }[] = [];
  let draining: Promise<void> | null = null;
  let catching: Promise<void> | null = null;
  let cancelCatchUp: () => void = () => undefined;
  let isBehind = false;
  let isStopping = false;
  let isFull = false;
  let isAppending = false;
  let isSpoolFull = false;
  const resting = new Set<() => void>();

  const rest = (ms: number) =>
    new Promise<void>((resolve) => {
      if (isStopping) {
        resolve();
        return;
      }
      const wake = () => {
        cancel();
        resting.delete(wake);
        resolve();
      };
      const cancel = clock.wakeAt(clock.now() + ms, wake);
      resting.add(wake);
    });

  /** One that is late counts as one for which the store is away: it may still arrive, and twice is once. */
  async function writeInTime(entry: E): Promise<void> {
    let cancel = () => undefined as void;
    const late = new Promise<'late'>((resolve) => {
      cancel = clock.wakeAt(clock.now() + LATE_MS, () => setImmediate(resolve, 'late'));
    });
    try {
      if ((await Promise.race([write(entry), late])) === 'late') goBehind();
    } finally {
      cancel();
    }
    if (isBehind) throw new StoreAway();
  }
  async function tryToWrite(entry: E): Promise<void> {
    if (spool === undefined) return write(entry);
    try {
      await writeInTime(entry);
    } catch (error) {
      if (!isAway(error) || isBehind) throw error;
      // Two writers in each other's way, a server that is restarted: gone by the next time.
      await rest(FIRST_WAIT_MS);
      await writeInTime(entry);
    }
  }
  const mayGoToDisk = (error: unknown) => spool !== undefined && (error instanceof StoreAway || isAway(error));

  function goBehind(): void {
    if (isBehind) return;
    isBehind = true;
    onBehind(true);
    catchUpLater(CATCH_UP_EVERY_MS);
  }

  function catchUpLater(ms: number): void {
    cancelCatchUp();
    if (!isStopping) cancelCatchUp = clock.wakeAt(clock.now() + ms, catchUp);
  }
  function catchUp(): void {
    if (spool === undefined || isStopping) return;
    catching ??= replay(spool).finally(() => {
      catching = null;
    });
  }

  async function replay(from: Spool<E>): Promise<void> {
    try {
      const damaged = await from.replay(async (entry) => {
        if (isStopping) throw new StoreAway();
        await replayed(entry);
      });
      if (damaged > 0) onProblem({ what: 'damaged', lost: damaged });
      isSpoolFull = false;
      // What is on its way to the disk comes before what is added now.
      if (isAppending) catchUpLater(0);
      else if (isBehind) {
        isBehind = false;
        onBehind(false);
        drainSoon();
      }
    } catch (error) {
      if (!mayGoToDisk(error)) onProblem({ what: 'disk', lost: 0, error });
      goBehind();
      catchUpLater(CATCH_UP_EVERY_MS);
    }
  }
  /** One that fails for a reason of its own must not hold up all others for ever. */
  async function replayed(entry: E): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await write(entry);
        return;
      } catch (error) {
        if (isAway(error)) throw error;
        if (tries < MOST_TRIES) continue;
        onProblem({ what: 'write', lost: 1, error });
        return;
      }
    }
  }

  async function toDisk(to: Spool<E>): Promise<void> {
    const batch = [...queue];
    isAppending = true;
    try {
      const dropped = await to.append(batch.map(({ entry }) => entry)).finally(() => (isAppending = false));
      queue.splice(0, batch.length);
      const full = new Error('the spool is full');
      for (const [at, { done }] of batch.entries()) done?.(at < batch.length - dropped ? undefined : full);
      const lost = batch.slice(batch.length - dropped).filter(({ done }) => done === undefined).length;
      if (lost > 0 && !isSpoolFull) onProblem({ what: 'full', lost });
      isSpoolFull = dropped > 0;
    } catch (error) {
      // Neither the store nor the disk: it stays here, within bounds, and those who keep it are told.
      const kept = batch.filter(({ done }) => done === undefined);
      for (const { done } of batch) done?.(error);
      onProblem({ what: 'disk', lost: isStopping ? kept.length : 0, error });
      queue.splice(0, batch.length, ...(isStopping ? [] : kept));
      if (!isStopping) await rest(FIRST_WAIT_MS * 4);
    }
  }

  async function drain(): Promise<void> {
    // Not in the caller's own turn: whoever adds is in the middle of a conversation.
    await new Promise((resolve) => setImmediate(resolve));
    for (let tries = 1; ;) {
      const [job] = queue;
      if (!job) break;
      if (isBehind && spool !== undefined) {
        await toDisk(spool);
        continue;
      }
      try {
        await tryToWrite(job.entry);
        job.done?.();
      } catch (error) {
        if (mayGoToDisk(error)) {
          goBehind();
          continue;
        }
        if (tries < MOST_TRIES && !(isStopping && tries > 1)) {
          if (tries === 1) onProblem({ what: 'write', lost: 0, error });
          await rest(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1)));
          tries += 1;
          continue;
        }
        onProblem({ what: 'write', lost: 1, error });
        job.done?.(error);
      }
      tries = 1;
      queue.shift();
      isFull = false;
    }
    draining = null;
  }
  function drainSoon(): void {
    if (queue.length > 0) draining ??= drain();
  }

  return {
    add(entry) {
      if (queue.length >= most) {
        if (!isFull) onProblem({ what: 'full', lost: 1 });
        isFull = true;
        return;
      }
      queue.push({ entry });
      drainSoon();
    },
    async put(entry) {
      if (!isBehind) {
        try {
          await tryToWrite(entry);
          return;
        } catch (error) {
          if (!mayGoToDisk(error)) throw error;
          goBehind();
        }
      }
      await new Promise<void>((resolve, reject) => {
        queue.push({ entry, done: (error) => (error === undefined ? resolve() : reject(error)) });
        drainSoon();
      });
    },
    get isBehind() {
      return isBehind;
    },
    get waiting() {
      return queue.length;
    },
    start() {
      if (spool === undefined || spool.bytes === 0) return;
      goBehind();
      catchUp();
    },
    retry() {
      if (isBehind) catchUp();
    },
    async settled() {
      while (draining) await draining;
    },
    async stop() {
      isStopping = true;
      cancelCatchUp();
      for (const wake of [...resting]) wake();
      await catching;
      while (draining) await draining;
      cancelCatchUp();
    },
  };
}

/** A write took too long, or the store is known to be away. */
class StoreAway extends Error {
  override readonly name = 'StoreAway';
}
