/**
 * So many talkers at once, as long as it is asked for: who leaves is followed by somebody else.
 * Some stay from the beginning to the end.
 */
import type { Random } from './random.ts';
import { createTalker, type Talker, type TalkerOptions } from './talker.ts';

export interface CrowdOptions extends Omit<TalkerOptions, 'random' | 'onOver'> {
  random: Random;
  size: number;
  /** How many stay to the end; their connections are never cut. */
  staying: number;
  /** How long the others stay, in milliseconds. */
  stayMs: readonly [number, number];
  /** From the first to the last, at the beginning. */
  rampMs: number;
}

export interface Crowd {
  /** Conversations under way. */
  readonly live: number;
  /** Those that were there from the beginning and still are. */
  readonly stayed: number;
  /** Nobody comes any more, and everybody says goodbye. Resolves when they have gone. */
  leave(): Promise<void>;
}

/** How a conversation that does not stay goes on when its time has come. */
const SHARE_THAT_VANISHES = 0.2;
const SHARE_THAT_LOSES = 0.4;
const BETWEEN_MS: readonly [number, number] = [200, 2_000];
/** Whoever was refused comes back later. */
const RETRY_MS = 5_000;
const AWAY_MS: readonly [number, number] = [50, 3_000];
const GOODBYE_MS = 10_000;

export function gatherCrowd(options: CrowdOptions): Crowd {
  const { random, size, staying, stayMs, rampMs, tally } = options;
  const talkers = new Map<Talker, { isStaying: boolean; isLive: boolean }>();
  const timers = new Set<NodeJS.Timeout>();
  let isLeaving = false;
  let seats = 0;
  let onGone: () => void = () => undefined;

  function later(ms: number, call: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      call();
    }, ms);
    timers.add(timer);
  }

  function sit(isStaying: boolean): void {
    if (isLeaving) return;
    seats += 1;
    const own = random.fork(`talker ${seats}`);
    const startedAt = performance.now();
    const talker = createTalker({
      ...options,
      random: own,
      onOver() {
        talkers.delete(talker);
        if (talkers.size === 0) onGone();
        if (isLeaving) return;
        if (isStaying) tally.count('stayer lost');
        const isRefused = performance.now() - startedAt < 1_000;
        later(isRefused ? RETRY_MS : own.between(...BETWEEN_MS), () => sit(isStaying));
      },
    });
    const row = { isStaying, isLive: false };
    talkers.set(talker, row);
    void talker.begin().then(() => (row.isLive = talkers.has(talker)));
    if (!isStaying) later(own.between(...stayMs), () => goOn(talker, own));
  }

  function goOn(talker: Talker, own: Random): void {
    if (!talkers.has(talker)) return;
    if (talker.mayResume && own.chance(SHARE_THAT_LOSES)) {
      tally.count('connection lost');
      void talker.lose(own.between(...AWAY_MS));
      later(own.between(...stayMs), () => goOn(talker, own));
    } else if (own.chance(SHARE_THAT_VANISHES)) talker.vanish();
    else talker.end();
  }

  for (let seat = 0; seat < size; seat++) later((rampMs * seat) / size, () => sit(seat < staying));

  return {
    get live() {
      return [...talkers.values()].filter(({ isLive }) => isLive).length;
    },
    get stayed() {
      return [...talkers.values()].filter(({ isStaying }) => isStaying).length;
    },
    async leave() {
      isLeaving = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      if (talkers.size === 0) return;
      const gone = new Promise<void>((resolve) => (onGone = resolve));
      for (const talker of talkers.keys()) talker.end();
      const late = setTimeout(() => {
        for (const talker of [...talkers.keys()]) {
          tally.count('goodbye unanswered');
          talker.vanish();
        }
      }, GOODBYE_MS);
      await gone;
      clearTimeout(late);
    },
  };
}
