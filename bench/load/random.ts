/** Numbers that look random and are the same for the same seed. */

export interface Random {
  /** In [0, 1). */
  next(): number;
  /** Evenly between `low` and `high`. */
  between(low: number, high: number): number;
  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
  /** @throws {RangeError} when there is nothing to pick from. */
  pick<T>(from: readonly T[]): T;
  /** True in `share` of all cases. */
  chance(share: number): boolean;
  /** Numbers of its own, which do not depend on how many others were drawn. */
  fork(name: string): Random;
}

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    whole: (low, high) => low + Math.floor(next() * (high - low + 1)),
    pick(from) {
      if (from.length === 0) throw new RangeError('there is nothing to pick from');
      return from[Math.floor(next() * from.length)] as (typeof from)[number];
    },
    chance: (share) => next() < share,
    fork(name) {
      let own = seed;
      for (let at = 0; at < name.length; at++) own = Math.imul(own ^ name.charCodeAt(at), 16_777_619);
      return seeded(own);
    },
  };
}
