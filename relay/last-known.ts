/**
 * Answers that are looked up somewhere and believed for a while; and, while that somewhere does
 * not answer, for longer: whoever was known yesterday is not turned away because a database is
 * down today. Unknown names are remembered for the short while only. Knows nothing of what it keeps.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.ts';

/** How long an answer holds on while no newer one can be had, in milliseconds. */
export const LAST_KNOWN_MS = 24 * 3_600_000;
/** How long a newer answer is waited for where there is an older one, in milliseconds. */
const PATIENCE_MS = 250;
const ENTRIES = 5_000;

export interface LastKnown<T extends object> {
  /**
   * @param load - Asks anew. Those who ask for the same name at once share its answer.
   * @throws what `load` throws, where nothing is known or what is known is too old.
   */
  get(name: string, load: () => Promise<T | undefined>): Promise<T | undefined>;
  /** The same, with an answer that was asked for now, where one can be had. */
  getAnew(name: string, load: () => Promise<T | undefined>): Promise<T | undefined>;
  /** What is fresh at this moment, without asking anybody. */
  peek(name: string): T | undefined;
  /** What is known was changed: it is asked for anew, and holds on only if that fails. */
  forget(name?: string): void;
}

interface Kept<T> {
  value: T | undefined;
  at: number;
  /** It was changed since. */
  isOld: boolean;
}

/** @param options.freshMs - How long an answer is believed without asking: the bound on changes made elsewhere. */
export function createLastKnown<T extends object>(options: {
  clock: Pick<Clock, 'now' | 'wakeAt'>;
  freshMs: number;
  onProblem?: (error: unknown) => void;
}): LastKnown<T> {
  const { clock, freshMs, onProblem = () => undefined } = options;
  const entries = new LRUCache<string, Kept<T>>({ max: ENTRIES });
  const reading = new Map<string, { answer: Promise<T | undefined>; isOld: boolean }>();

  function read(name: string, load: () => Promise<T | undefined>): Promise<T | undefined> {
    const under = reading.get(name);
    if (under !== undefined && !under.isOld) return under.answer;
    const own = {
      isOld: false,
      answer: load().then(
        (value) => {
          done();
          // What was changed meanwhile may have been read before the change: a later answer is better.
          if (own.isOld && entries.peek(name)?.isOld === false) return value;
          entries.set(name, { value, at: clock.now(), isOld: own.isOld });
          return value;
        },
        (error: unknown) => {
          done();
          throw error;
        },
      ),
    };
    const done = () => {
      if (reading.get(name) === own) reading.delete(name);
    };
    reading.set(name, own);
    return own.answer;
  }

  const isFresh = ({ at, isOld }: Kept<T>) => !isOld && clock.now() - at <= freshMs;

  async function ask(name: string, load: () => Promise<T | undefined>, isPatient: boolean): Promise<T | undefined> {
    const kept = entries.get(name);
    const answer = read(name, load);
    if (kept?.value === undefined || clock.now() - kept.at >= LAST_KNOWN_MS) return answer;
    const known = kept.value;
    // A change is waited for as long as it takes: it was made by somebody who could reach the store.
    if (!isPatient && !kept.isOld) return soonOr(known, answer, clock, onProblem);
    return answer.catch((error: unknown) => {
      onProblem(error);
      return known;
    });
  }

  return {
    async get(name, load) {
      const kept = entries.get(name);
      return kept !== undefined && isFresh(kept) ? kept.value : ask(name, load, false);
    },
    getAnew: (name, load) => ask(name, load, true),
    peek(name) {
      const kept = entries.peek(name);
      return kept !== undefined && isFresh(kept) ? kept.value : undefined;
    },
    forget(name) {
      for (const [other, kept] of entries.entries()) if (name === undefined || other === name) kept.isOld = true;
      for (const [other, under] of reading) if (name === undefined || other === name) under.isOld = true;
    },
  };
}

/** The answer, if it comes soon; otherwise, and when it fails, what was known last. */
export function soonOr<T>(
  known: T,
  answer: Promise<T>,
  clock: Pick<Clock, 'now' | 'wakeAt'>,
  onProblem: (error: unknown) => void,
): Promise<T> {
  return new Promise((resolve) => {
    const cancel = clock.wakeAt(clock.now() + PATIENCE_MS, () => resolve(known));
    const over = (value: T) => {
      cancel();
      resolve(value);
    };
    answer.then(over, (error: unknown) => {
      onProblem(error);
      over(known);
    });
  });
}
