/** What a scenario asserts. It counts, so that a scenario that asserted nothing is none. */
import { inspect, isDeepStrictEqual } from 'node:util';

export class CheckFailed extends Error {
  override readonly name = 'CheckFailed';
}

export interface Checks {
  readonly made: number;
  /** Exactly this. */
  same: (what: string, seen: unknown, expected: unknown) => void;
  /** A condition, which says by itself what it is. */
  holds: (what: string, isSo: boolean) => void;
  /** How often each value came, exactly. */
  tally: (what: string, seen: readonly (string | number)[], expected: Readonly<Record<string, number>>) => void;
  /** Becomes so, soon. */
  soon: (what: string, isSo: () => boolean | Promise<boolean>, withinMs?: number) => Promise<void>;
}

const SOON_MS = 15_000;
const LOOK_EVERY_MS = 10;

/** How often each comes. */
export function tallied(values: readonly (string | number)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

export function createChecks(): Checks {
  let made = 0;
  const shown = (value: unknown) => inspect(value, { depth: 4, breakLength: Infinity }).slice(0, 400);
  function same(what: string, seen: unknown, expected: unknown): void {
    made += 1;
    if (!isDeepStrictEqual(seen, expected))
      throw new CheckFailed(`${what}: ${shown(seen)} instead of ${shown(expected)}`);
  }
  return {
    get made() {
      return made;
    },
    same,
    holds: (what, isSo) => same(what, isSo, true),
    tally: (what, seen, expected) => same(what, tallied(seen), { ...expected }),
    async soon(what, isSo, withinMs = SOON_MS) {
      const until = performance.now() + withinMs;
      while (!(await isSo())) {
        if (performance.now() > until) throw new CheckFailed(`${what}: not within ${withinMs} ms`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
      made += 1;
    },
  };
}
