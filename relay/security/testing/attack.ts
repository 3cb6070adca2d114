/**
 * One row of the table of attacks, as a test: what was tried, how often, how often it was refused,
 * and what it left behind. A row fails when one attempt came through, or one socket stayed.
 */
import { expect, it } from 'vitest';
import type { Target } from './under-attack.ts';

/** As the reporter gets it. */
export interface AttackRow {
  threat: string;
  what: string;
  tried: number;
  refused: number;
  /** Sockets and conversations that were there afterwards. */
  left: number;
}

declare module 'vitest' {
  interface TaskMeta {
    attack?: AttackRow;
  }
}

/** What an attempt must come to; several where the relay may choose. */
type Refusal = string | RegExp;

export interface Attempts {
  /** One attempt: what it was, what came of it, and what had to. */
  add(attempt: string, outcome: string, refusal: Refusal): void;
  /** Many, some at once; each gives its outcome. */
  each<T>(
    cases: readonly (readonly [string, T])[],
    refusal: Refusal,
    attempt: (value: T) => Promise<string>,
  ): Promise<void>;
}

const AT_ONCE = 8;
/** How long sockets may take to close, in milliseconds. */
const EMPTY_WITHIN_MS = 10_000;
const ANSWER_WITHIN_MS = 8_000;

/** An attempt that nobody answers is one that came through. */
async function within(attempt: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => (timer = setTimeout(() => resolve('no answer'), ANSWER_WITHIN_MS)));
  try {
    return await Promise.race([attempt, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @param what - A sentence about what the relay refuses. */
export function attack(
  threat: string,
  what: string,
  on: () => Target,
  body: (row: Attempts, target: Target) => Promise<void>,
): void {
  it(`${threat}: ${what}`, async ({ task }) => {
    const target = on();
    const row: AttackRow = { threat, what, tried: 0, refused: 0, left: 0 };
    task.meta.attack = row;
    const through: string[] = [];
    const attempts: Attempts = {
      add(attempt, outcome, refusal) {
        row.tried += 1;
        const isRefused = typeof refusal === 'string' ? outcome === refusal : refusal.test(outcome);
        if (isRefused) row.refused += 1;
        else through.push(`${attempt}: ${outcome}`);
      },
      async each(cases, refusal, attempt) {
        const waiting = [...cases];
        const work = async () => {
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
            attempts.add(next[0], await within(attempt(next[1])), refusal);
        };
        await Promise.all(Array.from({ length: AT_ONCE }, work));
      },
    };
    await body(attempts, target);
    const left = async () => {
      const { sockets, sessions } = await target.left();
      return (row.left = sockets + sessions);
    };
    expect(through, 'attempts that came through').toEqual([]);
    expect(row.tried).toBeGreaterThan(0);
    await expect.poll(left, { timeout: EMPTY_WITHIN_MS, interval: 20 }).toBe(0);
  });
}
