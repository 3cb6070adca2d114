/**
 * Writes for which nobody waits, one after the other in the order of their making. One that fails
 * is tried again, and holds up those behind it, until it has failed too often; the queue is
 * bounded, and what does not fit is counted and said once. It knows no store.
 */
import type { Clock } from '../clock.ts';

const MOST_WAITING = 10_000;
/** A write that failed this often is given up, so that one bad row cannot hold up all others for ever. */
const MOST_TRIES = 10;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;

export interface WriteBehind {
  /** @param what - For the log: `turn`, `session start`, … */
  add(what: string, write: () => Promise<unknown>): void;
  readonly waiting: number;
  /** Resolves when all that was added by now was written or given up. */
  settled(): Promise<void>;
  /** Tries what is left once more, without waiting between tries, and takes nothing more. */
  stop(): Promise<void>;
}

/** @param onProblem - `lost` writes were given up: one that failed too often, or all that did not fit. */
export function createWriteBehind(options: {
  clock: Clock;
  most?: number;
  onProblem?: (problem: { what: string; lost: number; error?: unknown }) => void;
}): WriteBehind {
  const { clock, most = MOST_WAITING, onProblem = () => undefined } = options;
  const queue: { what: string; write: () => Promise<unknown> }[] = [];
  let draining: Promise<void> | null = null;
  let isStopping = false;
  let isFull = false;
  let wakeNow: (() => void) | null = null;

  const rest = (ms: number) =>
    new Promise<void>((resolve) => {
      if (isStopping) {
        resolve();
        return;
      }
      const cancel = clock.wakeAt(clock.now() + ms, resolve);
      wakeNow = () => {
        cancel();
        resolve();
      };
    });

  async function drain(): Promise<void> {
    // Not in the caller's own turn: whoever adds is in the middle of a conversation.
    await new Promise((resolve) => setImmediate(resolve));
    for (let tries = 1; ;) {
      const [job] = queue;
      if (!job) break;
      try {
        await job.write();
      } catch (error) {
        if (tries < MOST_TRIES && !(isStopping && tries > 1)) {
          if (tries === 1) onProblem({ what: job.what, lost: 0, error });
          await rest(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1)));
          tries += 1;
          continue;
        }
        onProblem({ what: job.what, lost: 1, error });
      }
      tries = 1;
      queue.shift();
      isFull = false;
    }
    draining = null;
  }

  return {
    add(what, write) {
      if (queue.length >= most) {
        if (!isFull) onProblem({ what, lost: 1 });
        isFull = true;
        return;
      }
      queue.push({ what, write });
      draining ??= drain();
    },
    get waiting() {
      return queue.length;
    },
    async settled() {
      while (draining) await draining;
    },
    async stop() {
      isStopping = true;
      wakeNow?.();
      while (draining) await draining;
    },
  };
}
