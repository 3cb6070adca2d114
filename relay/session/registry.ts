/**
 * The sessions that live in this process, for the count and for the drain. Knows nothing of what
 * a session does beyond ending it.
 */
import type { Clock } from '../clock.ts';

/** What the registry needs of a session. */
export interface Drainable {
  readonly id: string;
  /** Resolves when nothing of the session is left. */
  readonly ended: Promise<void>;
  /** Ends the session as soon as nobody is in the middle of a turn. */
  drain(): void;
  /** Ends it now, with close code 4001. */
  drainNow(): void;
}

export interface SessionRegistry {
  readonly live: number;
  /** Forgets the session by itself when it ends. */
  add(session: Drainable): void;
  /**
   * Idle sessions end at once, talking ones at the end of their turn, all within `timeoutMs`.
   *
   * @returns when none is left.
   */
  drain(timeoutMs: number): Promise<void>;
}

export function createSessionRegistry(clock: Clock): SessionRegistry {
  const sessions = new Map<string, Drainable>();
  return {
    get live() {
      return sessions.size;
    },
    add(session) {
      sessions.set(session.id, session);
      void session.ended.then(() => sessions.delete(session.id));
    },
    async drain(timeoutMs) {
      const all = [...sessions.values()];
      for (const session of all) session.drain();
      const cancel = clock.wakeAt(clock.now() + timeoutMs, () => {
        for (const session of all) session.drainNow();
      });
      await Promise.all(all.map((session) => session.ended));
      cancel();
    },
  };
}
