/**
 * All cases in one test that ends at the first that fails, and the recording: what mutants of the
 * reducer are run against (`npm run test:mutation`), because they have to be found fast.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isListening, noHistory, observe } from './invariants.ts';
import { configOf, judge, run } from './runner.ts';
import { nextDeadline, type State } from './state.ts';
import { wait, type Observed } from './testing/conversation.ts';
import { allCases, recording } from './testing/recorded.ts';

const everyCase = allCases().flatMap(([, cases]) => cases);

function frozen(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  Object.values(value).forEach(frozen);
}

describe('the reducer', () => {
  it('gives what the cases expect', () => {
    for (const one of everyCase) {
      const problems = judge(one, run(one));
      if (problems.length > 0) throw new Error(`${one.name}: ${problems.join('; ')}`);
    }
  });

  it('keeps the invariants in every case, writes into no state, and listens in the end', () => {
    for (const one of everyCase) {
      const config = configOf(one);
      let history = noHistory;
      const look = (seen: Observed) => {
        const { history: next, broken } = observe(history, { ...seen, config });
        if (broken.length > 0) throw new Error(`${one.name}: ${broken.join('; ')}`);
        history = next;
        frozen(seen.after);
      };
      const moves = run(one);
      moves.forEach(look);
      const last = moves.at(-1);
      if (last === undefined) continue;
      const { state }: { state: State } = wait(last.after, last.event.t, config, look);
      expect([one.name, nextDeadline(state), isListening(state)]).toEqual([one.name, undefined, true]);
    }
  });

  it('does what it did when it was recorded', async () => {
    // Meant to change: `npx vitest run relay/arbiter/mutants.test.ts -u`.
    const stored = fileURLToPath(new URL('./testing/recorded.txt', import.meta.url));
    await expect(recording()).toMatchFileSnapshot(stored);
  });
});
