/** The port to what outlives a process, in memory: what a test may look into and let die. */
import type { Checkpoint, Continuity, Found } from '../../continuity/continuity.ts';

export interface KeptElsewhere extends Continuity {
  readonly saved: Checkpoint[];
  readonly newest: Checkpoint;
  /** What was said of sessions, in order. */
  readonly told: string[];
  /** What `find` gives; by default the newest of the session, once. */
  found: ((session: string, secretHash: string, dead?: string) => Promise<Found>) | null;
  /** Another instance has taken it. */
  take(session: string): void;
}

export function keptElsewhere(): KeptElsewhere {
  const saved: Checkpoint[] = [];
  const told: string[] = [];
  const listeners = new Set<(session: string) => void>();
  const given = new Set<string>();
  const kept: KeptElsewhere = {
    ...{ saved, told },
    found: null,
    get newest() {
      const last = saved.at(-1);
      if (!last) throw new Error('nothing was saved');
      return last;
    },
    began: (session) => void told.push(`began ${session}`),
    save: (checkpoint) => void saved.push(JSON.parse(JSON.stringify(checkpoint)) as Checkpoint),
    ended: (session) => void told.push(`ended ${session}`),
    left(session) {
      told.push(`left ${session}`);
      given.delete(session);
      return Promise.resolve();
    },
    find(session, secretHash, dead) {
      if (kept.found) return kept.found(session, secretHash, dead);
      const checkpoint = saved.findLast((one) => one.session === session);
      const isRight = checkpoint && [checkpoint.secretHash, checkpoint.formerSecretHash].includes(secretHash);
      if (!checkpoint || !isRight || given.has(session)) return Promise.resolve({ is: 'unknown' });
      given.add(session);
      return Promise.resolve({ is: 'left', checkpoint });
    },
    onTaken(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    take: (session) => listeners.forEach((listener) => listener(session)),
  };
  return kept;
}
